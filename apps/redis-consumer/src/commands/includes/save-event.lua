-- Appends a measurement to the log of its type's newest events.
local function save_event(record, stream_max)
  local entry, n = {}, 0
  for i, field in ipairs(written) do
    if field.event then
      entry[n + 1], entry[n + 2] = field.event, record[header + i]
      n = n + 2
    end
  end
  redis.call('XADD', key.enriched_events(record[header + at.type]), 'MAXLEN', '~', stream_max, '*', unpack(entry, 1, n))
end
