-- A worker, or the lease's end, gives a task back. KEYS: job, owners, attempts, pending, leases, results.
-- ARGV: job id, task id, worker ('' when its lease ended), cost, attempts allowed (0: this attempt does
-- not count), error kind, error message.
-- Returns 'retry', 'failed' (attempts used up: the job fails), or 'unwanted'.
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local lease = ARGV[1] .. ' ' .. ARGV[2]
if ARGV[3] == '' then
  local ends = redis.call('ZSCORE', KEYS[5], lease)
  if not ends or tonumber(ends) > now then return 'unwanted' end
elseif redis.call('HGET', KEYS[2], ARGV[2]) ~= ARGV[3] then
  return 'unwanted'
end
redis.call('ZREM', KEYS[5], lease)
redis.call('HDEL', KEYS[2], ARGV[2])
if redis.call('HGET', KEYS[1], 'state') ~= 'encoding' then return 'unwanted' end
if redis.call('HEXISTS', KEYS[6], ARGV[2]) == 1 then return 'unwanted' end
local allowed = tonumber(ARGV[5])
if allowed == 0 then
  redis.call('HINCRBY', KEYS[3], ARGV[2], -1)
elseif tonumber(redis.call('HGET', KEYS[3], ARGV[2]) or '0') >= allowed then
  redis.call('HSET', KEYS[1], 'state', 'failed', 'at:failed', now, 'error_kind', ARGV[6], 'error', ARGV[7])
  emit(ARGV[1], 'job.failed', now, finished_share(ARGV[1]))
  return 'failed'
end
redis.call('ZADD', KEYS[4], ARGV[4], ARGV[2])
return 'retry'
