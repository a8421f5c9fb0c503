-- A worker starts a run: it gets the lease, and the attempt is counted now, so that a task that kills its
-- worker is seen. Twins count none. Asking again with the same token changes nothing.
-- ARGV: id, run, token ("worker#nonce"), seconds that the lease lasts, the message that led to this, or ''.
-- Returns {attempt, task JSON, what the job's tasks have in common: names and values in turn, the fields of the job
-- that JobTrace.FIELDS names}, or {0, why not}.
local id, run, token = ARGV[1], ARGV[2], ARGV[3]
local task, now = task_of(ARGV[2]), clock()
local owner = redis.call('HGET', key(id, 'owners'), run)
local function refuse(why)
  if not owner then
    unqueue(id, run)
    unlease(id, run)
  end
  return {0, why}
end
if state_of(id) ~= 'encoding' then return refuse('the job is not encoding') end
if redis.call('HEXISTS', key(id, 'results'), task) == 1 then return refuse('the task is done') end
local document = redis.call('HGET', key(id, 'tasks'), task)
if not document then return refuse('there is no such task') end
local function give(attempt)
  local trace = redis.call('HMGET', key(id), 'trace', 'tenant', 'retries', 'submitted')
  return {attempt, document, redis.call('HGETALL', key(id, 'common')), trace}
end
local function attempts() return tonumber(redis.call('HGET', key(id, 'attempts'), task) or '1') end
if owner == token then return give(attempts()) end
local ends = redis.call('ZSCORE', LEASES, id .. ' ' .. run)
if owner and ends and tonumber(ends) > now then return {0, 'another worker holds the task'} end
if is_twin(run) then
  local first = redis.call('HGET', key(id, 'owners'), task) or ''
  if string.match(first, '^[^#]*') == string.match(token, '^[^#]*') then
    redis.call('HDEL', key(id, 'twins'), task)
    return refuse('its twin runs here')
  end
end
if redis.call('HGET', key(id, 'queued'), run) == ARGV[5] then
  redis.call('HDEL', key(id, 'queued'), run)  -- it was fetched: the queue, which may be long, need not be searched
else
  unqueue(id, run)
end
ring()  -- its queue has room for one more
own(id, run, token)
redis.call('HSET', key(id, 'started'), run, stamp(now))
redis.call('HSETNX', key(id), 'begun', stamp(now))
redis.call('HDEL', key(id, 'progress'), run)
lease(id, run, now + tonumber(ARGV[4]))
if is_twin(run) then return give(attempts()) end
-- It waits no more, should this be the message of an earlier time that it was queued.
forget_pending(id, task)
return give(redis.call('HINCRBY', key(id, 'attempts'), task, 1))
