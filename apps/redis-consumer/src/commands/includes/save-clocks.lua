--- @include advance-clock
local function save_clocks()
  for scope in pairs(advanced) do
    redis.call('HSET', key.window_clock(scope), 'stream_time', clocks[scope])
  end
end
