--- @include remove-from-windows
--- @include parse-event
-- Takes the earlier revision of an event out of the windows. Returns the units it had, or false where it is not held.
local function take_back_event(device_id, type, event_id, measured_at)
  local index = key.device_window_events(device_id)
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', index, measured_at, measured_at)) do
    local event = parse_event(member)
    if event.id == event_id then
      redis.call('ZREM', index, member)
      remove_from_windows(type, device_id, event)
      remove_from_windows(all_types, device_id, event)
      return event.units
    end
  end
  return false
end
