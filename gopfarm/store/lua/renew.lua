-- Renew leases and note the progress. ARGV: seconds that a lease lasts; then of each: id, run, token, progress, hash of
-- the plan that the task belongs to.
-- Returns of each 1, or 0 if another worker has the run or nobody wants it any more.
local function renew(id, run, token, ends, progress, plan)
  local known = redis.call('HMGET', key(id), 'state', 'plan_hash')
  if known[1] ~= 'encoding' or known[2] ~= plan then return 0 end
  if redis.call('HEXISTS', key(id, 'results'), task_of(run)) == 1 then return 0 end
  local owner = redis.call('HGET', key(id, 'owners'), run)
  if owner and owner ~= token then return 0 end
  if not owner then
    -- Its lease ended while the worker or Redis stood still, and nobody has begun it anew: it goes on.
    if is_twin(run) or redis.call('HEXISTS', key(id, 'tasks'), run) == 0 then return 0 end
    forget_pending(id, run)
    unqueue(id, run)
    own(id, run, token)
  end
  if redis.call('ZADD', LEASES, 'XX', 'CH', ends, id .. ' ' .. run) == 0 then lease(id, run, ends) end
  redis.call('HSET', key(id, 'progress'), run, progress)
  return 1
end

local wanted, ends = {}, clock() + tonumber(ARGV[1])
for i = 2, #ARGV, 5 do
  wanted[#wanted + 1] = renew(ARGV[i], ARGV[i + 1], ARGV[i + 2], ends, ARGV[i + 3], ARGV[i + 4])
end
return wanted
