-- A member of the window sets, `event_id:units` with `:device_id` behind it in the sets of a scope.
local function parse_event(member)
  local id, units, device_id = string.match(member, '^([^:]*):(%d+):?(.*)$')
  return { id = id, units = tonumber(units) }, device_id
end
