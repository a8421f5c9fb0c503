-- Make a delivery due now, with all its tries before it, whatever became of it.
-- ARGV: id. Returns 1, or 0 if it is not known.
local record = DELIVERY .. ARGV[1]
local time = redis.call('HGET', record, 'time')
if not time then return 0 end
redis.call('ZREM', DEAD, ARGV[1])
redis.call('PERSIST', record)
redis.call('HSET', record, 'state', 'waiting', 'tries', 0)
redis.call('ZADD', DELIVERIES, clock(), ARGV[1])
redis.call('ZADD', DELIVERIES_BY_AGE, time, ARGV[1])
return 1
