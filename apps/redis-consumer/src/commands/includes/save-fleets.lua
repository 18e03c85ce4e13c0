--- @include count-fleet
-- Writes the fleets' counters. A type without devices is no longer listed.
local function save_fleets()
  for type, fleet in pairs(fleets) do
    local summary = key.fleet_summary(type)
    for field, change in pairs(fleet) do
      redis.call('HINCRBY', summary, field, change)
    end
    if redis.call('HGET', summary, 'devices') == '0' then
      redis.call('DEL', summary)
      redis.call('SREM', key.types(), type)
    elseif fleet.devices > 0 then
      redis.call('SADD', key.types(), type)
    end
  end
end
