-- Note the result of a task. The first one counts, whoever delivers it: all attempts write the same bytes.
-- ARGV: id, run, token, result JSON, progress, hash of the plan that the task belongs to.
-- Returns 'last' when all tasks are done (publishing is asked for then), else 'done', 'duplicate' or 'unwanted'.
local id, run, token = ARGV[1], ARGV[2], ARGV[3]
local task = task_of(run)
local mine = redis.call('HGET', key(id, 'owners'), run) == token
if mine then
  redis.call('HDEL', key(id, 'owners'), run)
  unlease(id, run)
end
if state_of(id) ~= 'encoding' then return 'unwanted' end
if redis.call('HGET', key(id), 'plan_hash') ~= ARGV[6] then return 'unwanted' end
if redis.call('HEXISTS', key(id, 'tasks'), task) == 0 then return 'unwanted' end
if redis.call('HSETNX', key(id, 'results'), task, ARGV[4]) == 0 then return 'duplicate' end
-- Whoever else has it by now runs what is done.
count_result(id, task, mine and run == task or redis.call('HEXISTS', key(id, 'owners'), task) == 1)
-- A worker that had lost its lease may come first: then nobody need do it again.
forget_pending(id, task)
unqueue(id, task)
unqueue(id, task .. '~')
redis.call('HSET', key(id, 'progress'), task, ARGV[5])
ring()  -- its tenant may have one more
local begun = redis.call('HGET', key(id, 'started'), run)
if begun then redis.call('HSET', key(id, 'seconds'), task, stamp(clock() - tonumber(begun))) end
local all, done = redis.call('HLEN', key(id, 'tasks')), redis.call('HLEN', key(id, 'results'))
emit_progress(id, done, all, clock())
if done < all then return 'done' end
redis.call('SREM', ACTIVE, id)
call_step(id, PUBLISHING, 'stitch')
return 'last'
