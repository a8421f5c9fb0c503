-- Drop what a tenant's lists hold that is no more. ARGV: tenant. Returns how much that was.
local runs, jobs, dropped = PREFIX .. 'tenant:' .. ARGV[1] .. ':runs', PREFIX .. 'tenant:' .. ARGV[1] .. ':jobs', 0
for _, run in ipairs(redis.call('SMEMBERS', runs)) do
  if not redis.call('ZSCORE', LEASES, run) then dropped = dropped + redis.call('SREM', runs, run) end
end
for _, id in ipairs(redis.call('SMEMBERS', jobs)) do
  if redis.call('SISMEMBER', LIVE, id) == 0 then dropped = dropped + redis.call('SREM', jobs, id) end
end
return dropped
