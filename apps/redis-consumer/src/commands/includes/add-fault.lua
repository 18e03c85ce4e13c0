-- Adds units (or takes them off, if negative) to the decayed sum that a score stands for: the instant at which the sum has
-- decayed to 1 (docs/ranking.md). Only differences of instants are raised to powers, so nothing overflows. False: no sum.
local function add_fault(score, units, measured_at, half_life_ms)
  local instant = measured_at + half_life_ms * math.log(math.abs(units) / units_per_score) / math.log(2)
  if not score then
    return units > 0 and instant
  end
  local high, low = math.max(score, instant), math.min(score, instant)
  if units > 0 then
    return high + half_life_ms * math.log(1 + 2 ^ ((low - high) / half_life_ms)) / math.log(2)
  end
  -- What is left of a sum after taking nearly all of it is rounding, not faults.
  local left = 1 - 2 ^ ((instant - score) / half_life_ms)
  return left > 1e-9 and score + half_life_ms * math.log(left) / math.log(2)
end
