--- @include scope-clock
-- Written by save_clocks at the end of the call.
local advanced = {}

local function advance_clock(scope, measured_at)
  if measured_at > scope_clock(scope) then
    clocks[scope] = measured_at
    advanced[scope] = true
  end
end
