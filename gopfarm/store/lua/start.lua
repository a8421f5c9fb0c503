-- A worker starts a task: it gets the lease, and the attempt is counted now, so that a task that kills its
-- worker is seen. KEYS: job, tasks, owners, attempts, results, leases, pending.
-- ARGV: job id, task id, worker, seconds that the lease lasts.
-- Returns {attempt, task JSON}, or {0, why not}.
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
if redis.call('HGET', KEYS[1], 'state') ~= 'encoding' then return {0, 'the job is not encoding'} end
if redis.call('HEXISTS', KEYS[5], ARGV[2]) == 1 then return {0, 'the task is done'} end
local lease = ARGV[1] .. ' ' .. ARGV[2]
local owner = redis.call('HGET', KEYS[3], ARGV[2])
local ends = redis.call('ZSCORE', KEYS[6], lease)
if owner and owner ~= ARGV[3] and ends and tonumber(ends) > now then
  return {0, 'another worker holds the task'}
end
local task = redis.call('HGET', KEYS[2], ARGV[2])
if not task then return {0, 'there is no such task'} end
redis.call('HSET', KEYS[3], ARGV[2], ARGV[3])
redis.call('ZADD', KEYS[6], now + tonumber(ARGV[4]), lease)
-- It waits no more, should this be the message of an earlier time that it was queued.
redis.call('ZREM', KEYS[7], ARGV[2])
return {redis.call('HINCRBY', KEYS[4], ARGV[2], 1), task}
