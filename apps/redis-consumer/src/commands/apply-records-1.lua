--- @include forget-device
--- @include apply-measurement
--- @include save-fleets
--- @include save-clocks
--- @include shrink-windows
--[[
Applies the records of an offset range of one partition, and the partition's progress, in one step.

KEYS[1]  faultline:progress. All other keys follow from the records and from what is stored, so they cannot be declared:
         this needs a single Redis, not a cluster.
ARGV[1]  partition
ARGV[2]  epoch given by take-over-partition
ARGV[3]  first offset of the range
ARGV[4]  next offset after the range
ARGV[5]  JSON settings {half_life_ms, stream_max, window_events_max, budget}
ARGV[6]  JSON records in offset order: [offset, units, is_fault (1 or 0), revision, measured_at, then the written fields], and
         [offset, device_id] for the removal of a device
ARGV[7]  1 when the caller knows of earlier ranges that are in, 0 when this may be the partition's first

Output   {code, offset or epoch, records applied, scopes whose windows still hold events to be taken out ...}
          0 applied: everything below the stored next offset, which is ARGV[4]
          1 already applied: nothing done; the stored next offset is ARGV[4] or later
          2 unfinished: applied up to the offset returned, the budget is used; call again with the same range
         -1 fenced: another owner has the epoch returned
         -2 gap: the store does not hold what comes before (offset returned, or -1), or not this epoch: take over again

Bound    the records given (the caller sends a few hundred), plus `budget` events leaving windows, plus a device's own events
         in the longest window for each device that changes its type
]]
local partition, epoch = ARGV[1], tonumber(ARGV[2])
local first, next_offset = tonumber(ARGV[3]), tonumber(ARGV[4])
local settings, records = cjson.decode(ARGV[5]), cjson.decode(ARGV[6])
local progress = KEYS[1]
local stored = redis.call('HMGET', progress, progress_field.epoch(partition),
  progress_field.next_offset(partition), progress_field.measured_at(partition))
local stored_epoch, stored_next = tonumber(stored[1] or 0), tonumber(stored[2] or -1)
local measured_at = tonumber(stored[3] or -math.huge)

if epoch < stored_epoch then
  return { -1, stored_epoch, 0 }
end
local is_gap = first > stored_next
if stored_next < 0 then
  is_gap = ARGV[7] == '1'
end
if epoch > stored_epoch or is_gap then
  return { -2, stored_next, 0 }
end
if next_offset <= stored_next then
  return { 1, stored_next, 0 }
end

local code, reached, applied, budget = 0, next_offset, 0, settings.budget
for _, record in ipairs(records) do
  if record[1] >= stored_next then
    if #record == 2 then
      local taken, gone = forget_device(record[2], budget)
      budget = budget - taken
      if not gone then
        code, reached = 2, record[1]
        break
      end
    else
      apply_measurement(record, settings)
      measured_at = math.max(measured_at, record[5])
    end
    applied = applied + 1
  end
end
save_fleets()
save_clocks()
redis.call('HSET', progress, progress_field.next_offset(partition), reached)
if measured_at > -math.huge then
  redis.call('HSET', progress, progress_field.measured_at(partition), measured_at)
end

local reply = { code, reached, applied }
for scope in pairs(clocks) do
  local left, unfinished = shrink_windows(scope, settings.window_events_max, budget)
  budget = left
  if unfinished then
    table.insert(reply, scope)
  end
end
return reply
