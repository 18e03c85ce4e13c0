--- @include parse-event
--- @include add-to-windows
-- Ranks a device under another type, with all it has. Bound: the device's own events in the longest window.
local function move_device(device_id, from, to)
  redis.call('ZREM', key.devices(from), device_id)
  redis.call('ZADD', key.devices(to), 0, device_id)
  local score = redis.call('ZSCORE', key.top_faults(from), device_id)
  redis.call('ZREM', key.top_faults(from), device_id)
  if score then
    redis.call('ZADD', key.top_faults(to), score, device_id)
  end
  for _, window in ipairs(windows) do
    redis.call('ZREM', key.top_faults_window(from, window.name), device_id)
  end
  local index = key.device_window_events(device_id)
  local held = redis.call('ZRANGE', index, 0, -1, 'WITHSCORES')
  for i = 1, #held, 2 do
    for _, window in ipairs(windows) do
      redis.call('ZREM', key.window_events(from, window.name), held[i] .. ':' .. device_id)
    end
    if not add_to_windows(to, device_id, parse_event(held[i]), tonumber(held[i + 1])) then
      redis.call('ZREM', index, held[i])
    end
  end
end
