-- Asks for one device after another. The requests are built beforehand, so that a request costs the generator next to nothing.
local requests, at = {}, 0

function init(args)
  for device = 0, tonumber(args[2]) - 1 do
    requests[device] = wrk.format('GET', args[1] .. string.format('AC-%04d', device))
  end
end

function request()
  at = (at + 1) % (#requests + 1)
  return requests[at]
end
