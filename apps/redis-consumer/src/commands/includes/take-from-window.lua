-- Takes units off a device's sum in a window. A sum that reaches nothing leaves the ranking; sums are exact (docs/ranking.md).
local function take_from_window(scope, window, device_id, units)
  local ranking = key.top_faults_window(scope, window)
  if tonumber(redis.call('ZINCRBY', ranking, -units / units_per_score, device_id)) <= 0 then
    redis.call('ZREM', ranking, device_id)
  end
end
