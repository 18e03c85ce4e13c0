--- @include swap-databases
--[[
Lets a verified generation serve in the place of the live one, if it has come at least as far.

KEYS[1]  faultline:generation, in both databases
KEYS[2]  faultline:progress, in both databases
KEYS[3]  faultline:settings, in both databases
ARGV[1]  number of the live database
ARGV[2]  number of the database that holds the new generation
ARGV[3]  id of the new generation
ARGV[4]  now, epoch ms
ARGV[5]  1 where the new one may have another half-life: its consumer does not run, or it would go on with the old one

Output   {code, partition or -1, what the live one has, what the new one has}
          0 swapped
          1 it serves already
         -1 refused: the database does not hold this generation
         -2 refused: it is not verified
         -3 behind: the live one has come farther in the partition returned; the next offset of each, or -1
         -4 refused: the half-lives returned differ

Bound    the partitions
]]
local live, next, id, now = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
redis.call('SELECT', live)
if redis.call('HGET', KEYS[1], 'id') == id then
  return { 1, -1, -1, -1 }
end
local served = redis.call('HGETALL', KEYS[2])
local live_half_life = redis.call('HGET', KEYS[3], 'half_life_ms')
redis.call('SELECT', next)
local found = redis.call('HMGET', KEYS[1], 'id', 'status')
if found[1] ~= id then
  return { -1, -1, -1, -1 }
end
if found[2] ~= 'verified' then
  return { -2, -1, -1, -1 }
end
local half_life = redis.call('HGET', KEYS[3], 'half_life_ms')
if ARGV[5] ~= '1' and live_half_life and tonumber(live_half_life) ~= tonumber(half_life) then
  return { -4, -1, tonumber(live_half_life), tonumber(half_life) }
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
