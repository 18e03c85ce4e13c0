--- @include clear-database
--[[
Begins a generation in the selected database, which must be empty or hold one of ours that does not serve.

KEYS[1]  faultline:generation
ARGV[1]  id of the new generation
ARGV[2]  now, epoch ms

Output    0 begun, the database holds nothing else
         -1 refused: the database holds keys of somebody else, or serves

Bound    the keys that an earlier generation left
]]
if not clear_database(KEYS[1]) then
  return -1
end
redis.call('HSET', KEYS[1], 'id', ARGV[1], 'status', 'building', 'started_at', ARGV[2])
return 0
