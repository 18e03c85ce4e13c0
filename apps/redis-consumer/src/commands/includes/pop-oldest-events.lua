--- @include take-from-window
--- @include parse-event
-- Takes the oldest `count` events out of a window. The device's own index follows the longest window of its type.
local function pop_oldest_events(scope, window, count)
  local set = key.window_events(scope, window)
  local lost, indexed = {}, {}
  for _, member in ipairs(redis.call('ZRANGE', set, 0, count - 1)) do
    local event, device_id = parse_event(member)
    lost[device_id] = (lost[device_id] or 0) + event.units
    indexed[device_id] = indexed[device_id] or {}
    table.insert(indexed[device_id], event.id .. ':' .. event.units)
  end
  redis.call('ZREMRANGEBYRANK', set, 0, count - 1)
  for device_id, units in pairs(lost) do
    take_from_window(scope, window, device_id, units)
    if scope ~= all_types and window == windows[#windows].name then
      redis.call('ZREM', key.device_window_events(device_id), unpack(indexed[device_id]))
    end
  end
end
