-- Note what became of a try. One that is not the latest (its lease ran out) counts only if it succeeded.
-- ARGV: id, number of the try, 'delivered', 'retry' or 'dead', seconds until the next
-- try, what went wrong, seconds that the record is kept. Returns 1, or 0 if the try does not count.
local record = DELIVERY .. ARGV[1]
local known = redis.call('HMGET', record, 'job', 'tries', 'state')
if known[3] ~= 'waiting' then return 0 end
if known[2] ~= ARGV[2] and ARGV[3] ~= 'delivered' then return 0 end
local now = clock()
redis.call('HSET', record, 'tried', string.format('%.6f', now), 'error', ARGV[5])
if ARGV[3] == 'retry' then
  redis.call('ZADD', DELIVERIES, now + tonumber(ARGV[4]), ARGV[1])
  return 1
end
redis.call('ZREM', DELIVERIES, ARGV[1])
redis.call('ZREM', DELIVERIES_BY_AGE, ARGV[1])
redis.call('HSET', record, 'state', ARGV[3])
-- A record is of no use without its job.
local kept, job_kept = tonumber(ARGV[6]), redis.call('TTL', 'gopfarm:job:' .. known[1])
if job_kept >= 0 and job_kept < kept then kept = job_kept end
kept = math.max(kept, 1)
redis.call('EXPIRE', record, kept)
if ARGV[3] == 'dead' then redis.call('ZADD', DEAD, now + kept, ARGV[1]) end
redis.call('ZREMRANGEBYSCORE', DEAD, '-inf', now)
return 1
