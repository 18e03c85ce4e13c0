--- @include swap-databases
--[[
Lets a verified generation serve in the place of the live one, if it has come at least as far.

KEYS[1]  faultline:generation, in both databases
KEYS[2]  faultline:progress, in both databases
ARGV[1]  number of the live database
ARGV[2]  number of the database that holds the new generation
ARGV[3]  id of the new generation
ARGV[4]  now, epoch ms

Output   {code, partition, next offset of the live one, next offset of the new one or -1}
          0 swapped
          1 it serves already
         -1 refused: the database does not hold this generation
         -2 refused: it is not verified
         -3 behind: the live one has come farther in the partition returned

Bound    the partitions
]]
local live, next, id, now = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
redis.call('SELECT', live)
if redis.call('HGET', KEYS[1], 'id') == id then
  return { 1, -1, -1, -1 }
end
local served = redis.call('HGETALL', KEYS[2])
redis.call('SELECT', next)
local found = redis.call('HMGET', KEYS[1], 'id', 'status')
if found[1] ~= id then
  return { -1, -1, -1, -1 }
end
if found[2] ~= 'verified' then
  return { -2, -1, -1, -1 }
end
for i = 1, #served, 2 do
  local partition, offset = tonumber(served[i]), tonumber(served[i + 1])
  if partition then
    local reached = tonumber(redis.call('HGET', KEYS[2], progress_field.next_offset(served[i])) or -1)
    if reached < offset then
      return { -3, partition, offset, reached }
    end
  end
end
swap_databases(KEYS[1], KEYS[2], live, next, { former = 'retired', now = now })
return { 0, -1, -1, -1 }
