-- Save the plan of a job and open its tasks for dispatch, if the job is still being planned.
-- KEYS: job, active jobs, plan, tasks, pending.
-- ARGV: job id, now, plan hash, plan JSON, then id, JSON and minus the cost of each task.
-- Returns 1, or 0 if the job is not being planned any more (then nothing is written).
if redis.call('HGET', KEYS[1], 'state') ~= 'planning' then return 0 end
redis.call('SET', KEYS[3], ARGV[4])
for i = 5, #ARGV, 3 do
  redis.call('HSET', KEYS[4], ARGV[i], ARGV[i + 1])
  redis.call('ZADD', KEYS[5], ARGV[i + 2], ARGV[i])
end
redis.call('SADD', KEYS[2], ARGV[1])
redis.call('HSET', KEYS[1], 'state', 'encoding', 'at:encoding', ARGV[2], 'plan_hash', ARGV[3])
return 1
