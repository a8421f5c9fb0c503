-- Drop what a tenant's lists hold that is no more; a tenant with nothing left is forgotten. ARGV: tenant.
-- Returns how much was dropped, and how much is left.
local runs, jobs, dropped = PREFIX .. 'tenant:' .. ARGV[1] .. ':runs', PREFIX .. 'tenant:' .. ARGV[1] .. ':jobs', 0
for _, run in ipairs(redis.call('SMEMBERS', runs)) do
  if not redis.call('ZSCORE', LEASES, run) then dropped = dropped + redis.call('SREM', runs, run) end
end
for _, id in ipairs(redis.call('SMEMBERS', jobs)) do
  if redis.call('SISMEMBER', LIVE, id) == 0 then dropped = dropped + redis.call('SREM', jobs, id) end
end
local left = redis.call('SCARD', runs) + redis.call('SCARD', jobs)
if left == 0 then redis.call('SREM', TENANTS, ARGV[1]) end
return {dropped, left}
