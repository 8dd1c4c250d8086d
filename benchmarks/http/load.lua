-- wrk's side of one measurement: the body from a file, and the figures as one line at the end.
local file = assert(io.open(os.getenv("LOAD_BODY"), "rb"))
wrk.body = file:read("*a")
file:close()
wrk.method = "POST"
wrk.headers["Content-Type"] = os.getenv("LOAD_TYPE")
wrk.headers["Accept"] = os.getenv("LOAD_ACCEPT")

function done(summary, latency, requests)
  local failed = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
  local rate = summary.requests / summary.duration * 1e6
  io.write(string.format("figures %.3f %.3f %d\n", latency:percentile(50) / 1000, rate, failed))
end
