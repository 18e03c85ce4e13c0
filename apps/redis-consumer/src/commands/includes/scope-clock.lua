-- Stream time of a scope: the newest measured_at applied to it (epoch ms). Read once a call.
local clocks = {}

local function scope_clock(scope)
  if clocks[scope] == nil then
    local stored = redis.call('HGET', key.window_clock(scope), 'stream_time')
    clocks[scope] = stored and tonumber(stored) or -math.huge
  end
  return clocks[scope]
end
