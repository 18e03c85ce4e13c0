--- @include shrink-windows
--[[
Goes on taking events out of a scope's windows, where apply-records had no budget left for it.

KEYS     none: they follow from the scope and the stored events, so this needs a single Redis, not a cluster
ARGV[1]  scope
ARGV[2]  most events a window may hold
ARGV[3]  budget: most events taken out by this call

Output   0 done
         1 unfinished: call again

Bound    the budget
]]
local _, unfinished = shrink_windows(ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]))
return unfinished and 1 or 0
