--- @include swap-databases
--[[
Lets the generation that served before the last swap serve again.

KEYS[1]  faultline:generation, in both databases
KEYS[2]  faultline:progress, in both databases
ARGV[1]  number of the live database
ARGV[2]  number of the database that holds the former generation
ARGV[3]  id of the former generation
ARGV[4]  now, epoch ms

Output    0 swapped back
          1 it serves already
         -1 refused: the database does not hold this generation, or it did not serve before

Bound    the partitions
]]
local live, next, id, now = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
redis.call('SELECT', live)
if redis.call('HGET', KEYS[1], 'id') == id then
  return 1
end
redis.call('SELECT', next)
local found = redis.call('HMGET', KEYS[1], 'id', 'status')
if found[1] ~= id or found[2] ~= 'retired' then
  return -1
end
swap_databases(KEYS[1], KEYS[2], live, next, { former = 'rolled-back', now = now })
return 0
