-- Lets the database `next` serve in the place of `live`. The owners of partitions go on with the epochs they have.
local function swap_databases(generation, progress, live, next, marks)
  redis.call('SELECT', live)
  local epochs, stored = {}, redis.call('HGETALL', progress)
  for i = 1, #stored, 2 do
    if string.find(stored[i], progress_field.epoch(''), 1, true) == 1 then
      table.insert(epochs, stored[i])
      table.insert(epochs, stored[i + 1])
    end
  end
  redis.call('HSETNX', generation, 'id', 'first')
  redis.call('HSET', generation, 'status', marks.former, 'retired_at', marks.now)
  redis.call('SELECT', next)
  redis.call('HSET', generation, 'status', 'live', 'live_since', marks.now)
  if #epochs > 0 then
    redis.call('HSET', progress, unpack(epochs))
  end
  redis.call('SWAPDB', live, next)
end
