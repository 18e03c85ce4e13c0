--- @include scope-clock
-- Counts an event in every window of the scope that still holds its time. True when the longest window does.
local function add_to_windows(scope, device_id, event, measured_at)
  local held = false
  for _, window in ipairs(windows) do
    held = measured_at > scope_clock(scope) - window.ms
    if held then
      local member = event.id .. ':' .. event.units .. ':' .. device_id
      if redis.call('ZADD', key.window_events(scope, window.name), measured_at, member) == 1 then
        redis.call('ZINCRBY', key.top_faults_window(scope, window.name), event.units / units_per_score, device_id)
      end
    end
  end
  return held
end
