-- Renew a lease and note the progress. ARGV: id, run, token, seconds that the lease lasts, progress,
-- hash of the plan that the task belongs to.
-- Returns 1, or 0 if another worker has the run or nobody wants it any more.
local id, run = ARGV[1], ARGV[2]
if state_of(id) ~= 'encoding' then return 0 end
if redis.call('HGET', key(id), 'plan_hash') ~= ARGV[6] then return 0 end
if redis.call('HEXISTS', key(id, 'results'), task_of(run)) == 1 then return 0 end
local owner = redis.call('HGET', key(id, 'owners'), run)
if owner and owner ~= ARGV[3] then return 0 end
if not owner then
  -- Its lease ended while the worker or Redis stood still, and nobody has begun it anew: it goes on.
  if is_twin(run) or redis.call('HEXISTS', key(id, 'tasks'), run) == 0 then return 0 end
  forget_pending(id, run)
  unqueue(id, run)
  redis.call('HSET', key(id, 'owners'), run, ARGV[3])
end
lease(id, run, clock() + tonumber(ARGV[4]))
redis.call('HSET', key(id, 'progress'), run, ARGV[5])
return 1
