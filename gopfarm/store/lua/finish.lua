-- Note the result of a task. The first one counts, whoever delivers it: all attempts write the same bytes.
-- KEYS: job, tasks, owners, results, progress, leases, pending.
-- ARGV: job id, task id, worker, result JSON, progress.
-- Returns 'last' when all tasks are done, else 'done', 'duplicate', or 'unwanted'.
if redis.call('HGET', KEYS[1], 'state') ~= 'encoding' then
  if redis.call('HGET', KEYS[3], ARGV[2]) == ARGV[3] then redis.call('HDEL', KEYS[3], ARGV[2]) end
  redis.call('ZREM', KEYS[6], ARGV[1] .. ' ' .. ARGV[2])
  return 'unwanted'
end
if redis.call('HEXISTS', KEYS[2], ARGV[2]) == 0 then return 'unwanted' end
local first = redis.call('HSETNX', KEYS[4], ARGV[2], ARGV[4])
redis.call('HDEL', KEYS[3], ARGV[2])
redis.call('ZREM', KEYS[6], ARGV[1] .. ' ' .. ARGV[2])
redis.call('ZREM', KEYS[7], ARGV[2])
if first == 0 then return 'duplicate' end
redis.call('HSET', KEYS[5], ARGV[2], ARGV[5])
local finished, tasks = redis.call('HLEN', KEYS[4]), redis.call('HLEN', KEYS[2])
emit_progress(ARGV[1], finished, tasks, redis_now())
if finished == tasks then return 'last' end
return 'done'
