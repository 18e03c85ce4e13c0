--[[
Writes a part of a generation that is being built. Whoever lost the database to a later run writes nothing.

KEYS[1]  faultline:generation. All other keys are in the commands given: this needs a single Redis, not a cluster.
ARGV[1]  id of the generation; behind it come the commands, each the number of its words and then the words

Output    0 written
         -1 refused: another generation is built here, or none

Bound    the commands given (the caller sends about two thousand members)
]]
local stored = redis.call('HMGET', KEYS[1], 'id', 'status')
if stored[1] ~= ARGV[1] or stored[2] ~= 'building' then
  return -1
end
local at = 2
while at < #ARGV do
  local words = tonumber(ARGV[at])
  redis.call(unpack(ARGV, at + 1, at + words))
  at = at + words + 1
end
return 0
