-- Save the plan of a job and open its tasks for dispatch, if the job is still being planned.
-- ARGV: id, plan hash, plan JSON, comma-separated queues, then of each task: id, JSON, queue, score, expected
-- seconds, frames or samples, and its result as JSON if it lies at the destination already, else ''.
-- Returns 1, or 0 if the job is not being planned any more (then nothing is written).
local id, job = ARGV[1], key(ARGV[1])
if state_of(id) ~= 'planning' then return 0 end
redis.call('SET', key(id, 'plan'), ARGV[3])
redis.call('HSET', job, 'state', 'encoding', 'at:encoding', stamp(clock()), 'plan_hash', ARGV[2], 'queues', ARGV[4])
redis.call('HDEL', job, 'step', 'step:until', 'step:tries', 'step:since', 'step:lost', 'message')
redis.call('ZREM', PREPARING, id)
redis.call('ZREM', QUEUED, id)
for i = 5, #ARGV, 7 do
  local task, queue, score = ARGV[i], ARGV[i + 2], ARGV[i + 3]
  redis.call('HSET', key(id, 'tasks'), task, ARGV[i + 1])
  redis.call('HSET', key(id, 'orders'), task, queue .. ' ' .. score .. ' ' .. ARGV[i + 4] .. ' ' .. ARGV[i + 5])
  if ARGV[i + 6] ~= '' then
    redis.call('HSET', key(id, 'results'), task, ARGV[i + 6])
    redis.call('HSET', key(id, 'progress'), task, ARGV[i + 5])
  else
    redis.call('ZADD', key(id, 'pending:' .. queue), score, task)
  end
end
if all_tasks_done(id) then
  call_step(id, PUBLISHING, 'stitch')
else
  redis.call('SADD', ACTIVE, id)
  if redis.call('HGET', job, 'publish') == 'progressive' then redis.call('ZADD', GROWING, clock(), id) end
end
return 1
