--[[
Reads the summaries of devices, and the progress of the same moment. One command with one short text a device: that many hashes as
replies of a transaction cost the caller several times as much, nearly all of it in taking strings apart.

KEYS[1]  faultline:progress
KEYS[i]  device_summary of a device
ARGV     fields of a summary

Output   JSON texts: the progress as field, value, field, value ({} where empty), then of each device the values of the fields,
         false for one that is not there. {"err": ...} for a key of another type, so that it fails nobody else's question.

Bound    KEYS
]]
local texts = { cjson.encode(redis.pcall('HGETALL', KEYS[1])) }
for i = 2, #KEYS do
  texts[i] = cjson.encode(redis.pcall('HMGET', KEYS[i], unpack(ARGV)))
end
return texts
