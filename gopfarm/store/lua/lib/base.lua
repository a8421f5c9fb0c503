-- What all scripts share: names (as in keys.py), time, messages and leases. Prepended to each of them.
-- A run is a task's id, or that id with "~" for its speculative twin.
local PREFIX = 'gopfarm:'
local JOBS, LIVE, QUEUED = PREFIX .. 'jobs', PREFIX .. 'live', PREFIX .. 'queued'
local PREPARING, PUBLISHING = PREFIX .. 'preparing', PREFIX .. 'publishing'
local ACTIVE, LEASES, CLEANUP = PREFIX .. 'active', PREFIX .. 'leases', PREFIX .. 'cleanup'
local TENANTS, SHARES = PREFIX .. 'tenants', PREFIX .. 'shares'
local CHANGED, BELL = PREFIX .. 'changed', PREFIX .. 'bell'
local GROWING = PREFIX .. 'growing'

-- Seconds after which a message that asks for a step of a job is sent again if nobody is heard of.
local STEP_PATIENCE = 10

-- Failed attempts of a job that are remembered.
local MAX_FAILURES = 100

local function key(id, part)
  if part then return PREFIX .. 'job:' .. id .. ':' .. part end
  return PREFIX .. 'job:' .. id
end

local function clock()
  local time = redis.call('TIME')
  return tonumber(time[1]) + tonumber(time[2]) / 1000000
end

-- Seconds since 1970 as text, with all the microseconds that Lua's own tostring would cut off.
local function stamp(seconds)
  return string.format('%.6f', seconds)
end

-- Seconds as a number that loses nothing on its way through text.
local function exact(seconds)
  return string.format('%.17g', seconds)
end

-- Wake the leading scheduler: there may be something to give out, or room for it. It hears any number of rings as
-- one.
local function ring()
  if redis.call('EXISTS', BELL) == 0 then redis.call('RPUSH', BELL, '1') end
end

-- Tell the leading scheduler that what a job has to give out is not what it was.
local function note_change(id)
  redis.call('SADD', CHANGED, id)
  ring()
end

local function is_twin(run) return string.sub(run, -1) == '~' end

local function task_of(run)
  return is_twin(run) and string.sub(run, 1, -2) or run
end

local function state_of(id) return redis.call('HGET', key(id), 'state') end

local function tenant_of(id) return redis.call('HGET', key(id), 'tenant') or 'default' end

-- Send a message as dramatiq's Redis broker does; returns its id. It goes to the end of the queue; or right behind
-- another message, and if that is not there any more, to the front.
local function post(queue, actor, arguments, behind)
  local now = clock()
  local number = redis.call('INCR', PREFIX .. 'messages')
  local message = string.format('%.0f-%d', now * 1000000, number)
  local body = cjson.encode({
    queue_name = queue, actor_name = actor, args = arguments, kwargs = {},
    options = {redis_message_id = message}, message_id = message,
    message_timestamp = math.floor(now * 1000),
  })
  redis.call('HSET', 'dramatiq:' .. queue .. '.msgs', message, body)
  local list = 'dramatiq:' .. queue
  if not behind then
    redis.call('RPUSH', list, message)
  elseif redis.call('LINSERT', list, 'AFTER', behind, message) <= 0 then
    redis.call('LPUSH', list, message)
  end
  return message
end

-- Take back a message that no process has fetched yet; false if it is gone.
local function withdraw(queue, message)
  if redis.call('LREM', 'dramatiq:' .. queue, 1, message) == 0 then return false end
  redis.call('HDEL', 'dramatiq:' .. queue .. '.msgs', message)
  return true
end

local function is_waiting(queue, message)
  return redis.call('LPOS', 'dramatiq:' .. queue, message) ~= false
end

-- Where a task is given out: queue, score among the job's tasks, and its expected seconds.
local function order_of(id, run)
  local text = redis.call('HGET', key(id, 'orders'), task_of(run)) or ''
  local queue, score, seconds = string.match(text, '^(%S+) (%S+) (%S+)')
  return queue or '', score or '0', tonumber(seconds or '0')
end

local function lease(id, run, ends)
  redis.call('ZADD', LEASES, ends, id .. ' ' .. run)
  redis.call('SADD', PREFIX .. 'tenant:' .. tenant_of(id) .. ':runs', id .. ' ' .. run)
end

local function unlease(id, run)
  redis.call('ZREM', LEASES, id .. ' ' .. run)
  redis.call('SREM', PREFIX .. 'tenant:' .. tenant_of(id) .. ':runs', id .. ' ' .. run)
end

-- Forget that a run waits in a queue, its message included. One that a worker runs stays as it is.
local function unqueue(id, run)
  local message = redis.call('HGET', key(id, 'queued'), run)
  if not message then return end
  withdraw(order_of(id, run), message)
  redis.call('HDEL', key(id, 'queued'), run)
  if redis.call('HEXISTS', key(id, 'owners'), run) == 0 then unlease(id, run) end
end

-- Let a task wait for its next attempt; a twin has none.
local function make_pending(id, run)
  if is_twin(run) then return end
  local queue, score = order_of(id, run)
  redis.call('ZADD', key(id, 'pending:' .. queue), score, run)
  note_change(id)
end

-- Let a run wait again whose message no process has fetched yet, and give its tenant back what it was charged; false
-- if the message is gone. A job that was given nothing since goes on aging from where it was, or it could be given a
-- task and lose it again and again, and never have its turn.
local function take_back(id, run, message, charge)
  if not withdraw(order_of(id, run), message) then return false end
  redis.call('HDEL', key(id, 'queued'), run)
  unlease(id, run)
  redis.call('HINCRBYFLOAT', SHARES, tenant_of(id), exact(-charge))
  if redis.call('HGET', key(id), 'served:by') == message then
    redis.call('HSET', key(id), 'served', redis.call('HGET', key(id), 'served:before'))
    redis.call('HDEL', key(id), 'served:by', 'served:before')
  end
  if state_of(id) == 'encoding' then make_pending(id, run) end
  return true
end

-- How many tasks of a job wait for a queue, and the expected seconds of those that are next, at most so many.
local function outlook(id, queue, most)
  if state_of(id) ~= 'encoding' then return 0, '' end
  local waiting, seconds = key(id, 'pending:' .. queue), {}
  local next_ones = most > 0 and redis.call('ZRANGE', waiting, 0, most - 1) or {}
  if #next_ones > 0 then
    for _, order in ipairs(redis.call('HMGET', key(id, 'orders'), unpack(next_ones))) do
      seconds[#seconds + 1] = order and string.match(order, '^%S+ %S+ (%S+)') or '0'
    end
  end
  return redis.call('ZCARD', waiting), table.concat(seconds, ' ')
end

-- A job's priority as it is now: that of its spec, unless it was changed.
local function priority_of(id) return redis.call('HGET', key(id), 'priority') or '0' end

local function queues_of(id)
  local names = {}
  for name in string.gmatch(redis.call('HGET', key(id), 'queues') or '', '[^,]+') do names[#names + 1] = name end
  return names
end

local function forget_pending(id, task)
  for _, queue in ipairs(queues_of(id)) do redis.call('ZREM', key(id, 'pending:' .. queue), task) end
end

-- Ask for a step of a job: 'prepare' (probing and planning) or 'stitch' (publishing).
local function call_step(id, set, actor)
  redis.call('ZADD', set, clock() + STEP_PATIENCE, id)
  redis.call('HSET', key(id), 'message', post('jobs', actor, {id}))
end

local function all_tasks_done(id)
  local tasks = redis.call('HLEN', key(id, 'tasks'))
  return tasks > 0 and redis.call('HLEN', key(id, 'results')) == tasks
end
