--[[
Makes the caller the owner of a partition: writers with an older epoch are refused from now on.

KEYS[1]  faultline:progress
KEYS[2]  faultline:settings
ARGV[1]  partition
ARGV[2]  half-life of the live ranking in ms

Output   {code, epoch or half-life, next offset or -1}
          0 taken over: the new epoch, and the next offset to apply (-1: nothing was applied yet)
         -3 refused: the rankings were built with the half-life returned

Bound    constant
]]
local stored_half_life = redis.call('HGET', KEYS[2], 'half_life_ms')
if not stored_half_life then
  redis.call('HSET', KEYS[2], 'half_life_ms', ARGV[2])
elseif tonumber(stored_half_life) ~= tonumber(ARGV[2]) then
  return { -3, tonumber(stored_half_life), -1 }
end
local epoch = redis.call('HINCRBY', KEYS[1], progress_field.epoch(ARGV[1]), 1)
local next_offset = redis.call('HGET', KEYS[1], progress_field.next_offset(ARGV[1]))
return { 0, epoch, tonumber(next_offset or -1) }
