--- @include read-device
--- @include count-fleet
-- Removes a device from everything but the log of events, taking out at most `budget` window events. Returns the number
-- taken out, and whether the device is gone; if not, the same tombstone has to be applied again.
local function forget_device(device_id, budget)
  local device = read_device(device_id)
  if not device then
    return 0, true
  end
  local scopes = { device.type, all_types }
  local index = key.device_window_events(device_id)
  local members = budget > 0 and redis.call('ZRANGE', index, 0, budget - 1) or {}
  local scoped = {}
  for i, member in ipairs(members) do
    scoped[i] = member .. ':' .. device_id
  end
  for _, scope in ipairs(scopes) do
    redis.call('ZREM', key.top_faults(scope), device_id)
    for _, window in ipairs(windows) do
      redis.call('ZREM', key.top_faults_window(scope, window.name), device_id)
      if #scoped > 0 then
        redis.call('ZREM', key.window_events(scope, window.name), unpack(scoped))
      end
    end
  end
  if #members > 0 then
    redis.call('ZREM', index, unpack(members))
  end
  if redis.call('EXISTS', index) == 1 then
    return #members, false
  end
  for _, scope in ipairs(scopes) do
    redis.call('ZREM', key.devices(scope), device_id)
  end
  redis.call('DEL', key.device_summary(device_id))
  count_fleet(-1, device)
  return #members, true
end
