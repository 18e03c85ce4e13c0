-- What the fold needs of a device's summary; false where the device is unknown.
local function read_device(device_id)
  local stored = redis.call('HMGET', key.device_summary(device_id),
    'type', 'alert_level', 'last_measured_at', 'first_seen', 'events_total', 'faults_total')
  return stored[1] and {
    type = stored[1],
    alert_level = stored[2],
    last_measured_at = tonumber(stored[3]),
    first_seen = tonumber(stored[4]),
    events_total = tonumber(stored[5]),
    faults_total = tonumber(stored[6]),
  }
end
