-- Take a task that no worker has fetched yet back from its queue, and what its tenant was charged for it.
-- ARGV: id, run, message, the charge. Returns 1 or 0.
local id, run = ARGV[1], ARGV[2]
if redis.call('HGET', key(id, 'queued'), run) ~= ARGV[3] then return 0 end
if not withdraw(order_of(id, run), ARGV[3]) then return 0 end
redis.call('HDEL', key(id, 'queued'), run)
unlease(id, run)
redis.call('HINCRBYFLOAT', SHARES, tenant_of(id), exact(-tonumber(ARGV[4])))
if state_of(id) == 'encoding' then make_pending(id, run) end
return 1
