-- Counts a device in or out of its type's fleet; written by save_fleets at the end of the call.
local fleets = {}

local function count_fleet(sign, device)
  local fleet = fleets[device.type] or { devices = 0, devices_normal = 0, devices_warning = 0, devices_critical = 0, events = 0, faults = 0 }
  fleets[device.type] = fleet
  local level = 'devices_' .. device.alert_level
  fleet.devices = fleet.devices + sign
  fleet[level] = fleet[level] + sign
  fleet.events = fleet.events + sign * device.events_total
  fleet.faults = fleet.faults + sign * device.faults_total
end
