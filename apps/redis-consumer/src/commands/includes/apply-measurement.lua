--- @include read-device
--- @include count-fleet
--- @include advance-clock
--- @include move-device
--- @include count-fault
--- @include save-event
--- @include save-summary
-- Folds one measurement into every structure. A device belongs to the type of its newest measurement.
local function apply_measurement(record, settings)
  local m = {
    units = record[2], revision = record[4], measured_at = record[5],
    device_id = record[header + at.device_id], event_id = record[header + at.last_event_id],
  }
  local device = read_device(m.device_id)
  local is_newest = not device or m.measured_at >= device.last_measured_at
  local from = device and device.type
  if device then
    count_fleet(-1, device)
  else
    device = { first_seen = m.measured_at, events_total = 0, faults_total = 0 }
  end
  if is_newest then
    device.type = record[header + at.type]
    device.alert_level = record[header + at.alert_level]
    device.last_measured_at = m.measured_at
  end
  device.first_seen = math.min(device.first_seen, m.measured_at)
  if m.revision == 1 then
    device.events_total = device.events_total + 1
    device.faults_total = device.faults_total + record[3]
  end
  count_fleet(1, device)
  advance_clock(device.type, m.measured_at)
  advance_clock(all_types, m.measured_at)
  if not from then
    redis.call('ZADD', key.devices(device.type), 0, m.device_id)
    redis.call('ZADD', key.devices(all_types), 0, m.device_id)
  elseif from ~= device.type then
    move_device(m.device_id, from, device.type)
  end
  local score = count_fault(m, device.type, settings.half_life_ms)
  device.decayed_faults = score and 2 ^ ((score - device.last_measured_at) / settings.half_life_ms) or 0
  save_event(record, settings.stream_max)
  save_summary(record, device, is_newest)
end
