--- @include add-fault
--- @include add-to-windows
--- @include take-back-event
-- Brings the rankings up to date with a measurement. Returns the device's live score, or false.
local function count_fault(m, type, half_life_ms)
  local score = redis.call('ZSCORE', key.top_faults(all_types), m.device_id)
  score = score and tonumber(score)
  local before = score
  if m.revision > 1 then
    local taken = take_back_event(m.device_id, type, m.event_id, m.measured_at)
    if taken then
      score = add_fault(score, -taken, m.measured_at, half_life_ms)
    elseif m.measured_at <= scope_clock(type) - windows[#windows].ms then
      return score -- what the event counted before is no longer known
    end
  end
  if m.units > 0 then
    score = add_fault(score, m.units, m.measured_at, half_life_ms)
    local event = { id = m.event_id, units = m.units }
    add_to_windows(all_types, m.device_id, event, m.measured_at)
    if add_to_windows(type, m.device_id, event, m.measured_at) then
      redis.call('ZADD', key.device_window_events(m.device_id), m.measured_at, event.id .. ':' .. event.units)
    end
  end
  if score ~= before then
    for _, scope in ipairs({ type, all_types }) do
      if score then
        redis.call('ZADD', key.top_faults(scope), score, m.device_id)
      else
        redis.call('ZREM', key.top_faults(scope), m.device_id)
      end
    end
  end
  return score
end
