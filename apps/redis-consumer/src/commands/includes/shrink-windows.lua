--- @include scope-clock
--- @include pop-oldest-events
-- Takes out events that left the windows of a scope, and the oldest above the bound (counted in `dropped`), within the
-- budget. Returns the budget left and whether events remain to be taken out.
local function shrink_windows(scope, events_max, budget)
  local unfinished = false
  for _, window in ipairs(windows) do
    local set = key.window_events(scope, window.name)
    local expired = redis.call('ZCOUNT', set, '-inf', string.format('%.17g', scope_clock(scope) - window.ms))
    local due = math.max(expired, redis.call('ZCARD', set) - events_max)
    local count = math.min(due, budget)
    if count > 0 then
      pop_oldest_events(scope, window.name, count)
      budget = budget - count
    end
    if count > expired then
      redis.call('HINCRBY', key.window_clock(scope), 'dropped', count - expired)
    end
    unfinished = unfinished or count < due
  end
  return budget, unfinished
end
