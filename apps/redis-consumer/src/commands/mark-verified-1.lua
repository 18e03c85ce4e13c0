--[[
Notes that a generation was compared with the topic and is right.

KEYS[1]  faultline:generation
ARGV[1]  id of the generation
ARGV[2]  now, epoch ms

Output    0 noted
         -1 refused: another generation is here, or none

Bound    constant
]]
local id, now = ARGV[1], ARGV[2]
if redis.call('HGET', KEYS[1], 'id') ~= id then
  return -1
end
redis.call('HSET', KEYS[1], 'status', 'verified', 'verified_at', now)
return 0
