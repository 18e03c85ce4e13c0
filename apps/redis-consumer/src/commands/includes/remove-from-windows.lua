--- @include take-from-window
-- Takes one event out of every window of the scope that counts it.
local function remove_from_windows(scope, device_id, event)
  for _, window in ipairs(windows) do
    local member = event.id .. ':' .. event.units .. ':' .. device_id
    if redis.call('ZREM', key.window_events(scope, window.name), member) == 1 then
      take_from_window(scope, window.name, device_id, event.units)
    end
  end
end
