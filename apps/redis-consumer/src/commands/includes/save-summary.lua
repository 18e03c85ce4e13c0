-- Writes a device's summary: the folded fields, and the measurement's own where it is the newest.
local function save_summary(record, device, is_newest)
  local fields = {
    'first_seen', device.first_seen,
    'events_total', device.events_total,
    'faults_total', device.faults_total,
    'decayed_faults', string.format('%.9g', device.decayed_faults),
  }
  if is_newest then
    for i, field in ipairs(written) do
      fields[7 + 2 * i], fields[8 + 2 * i] = field.summary, record[header + i]
    end
  end
  redis.call('HSET', key.device_summary(record[header + at.device_id]), unpack(fields))
end
