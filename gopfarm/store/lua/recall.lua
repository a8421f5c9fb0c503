-- Take a task that no worker has fetched yet back from its queue. ARGV: id, run, message. Returns 1 or 0.
local id, run = ARGV[1], ARGV[2]
if redis.call('HGET', key(id, 'queued'), run) ~= ARGV[3] then return 0 end
if not withdraw(order_of(id, run), ARGV[3]) then return 0 end
redis.call('HDEL', key(id, 'queued'), run)
unlease(id, run)
if state_of(id) == 'encoding' then make_pending(id, run) end
return 1
