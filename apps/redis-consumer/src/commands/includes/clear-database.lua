-- Empties the database, if it is empty already or holds a generation of ours that does not serve. True when it is empty then.
local function clear_database(generation)
  local status = redis.call('HGET', generation, 'status')
  if redis.call('DBSIZE') > 0 and (not status or status == 'live') then
    return false
  end
  -- Freed in the background: nobody who reads the live generation waits for it.
  redis.call('FLUSHDB', 'ASYNC')
  return true
end
