-- How a job ends: one step, in which it leaves every list that somebody works from. After the other libraries.
-- What another attempt would only meet again: what such a job has stored is of no use to a retry.
local HOPELESS = {source = true, spec = true, damaged = true, verify = true}

-- Seconds that workers get to let go of a job before its unpublished files are removed.
local LETTING_GO = 3

local PARTS = {
  'plan', 'common', 'tasks', 'orders', 'queued', 'owners', 'started', 'seconds', 'attempts', 'failures', 'results',
  'progress', 'twins',
}

-- Seconds that the parts of an ended job outlive it, for whoever is just reading them, or still lets go of a task.
local LINGER = 60

-- What is kept as long as the job itself: why attempts failed; and where files may have to be removed, the plan,
-- which names them.
local function kept(part, state)
  return part == 'failures' or (part == 'plan' and state ~= 'done')
end

-- Put a job that has not ended on the lists of all such jobs: of the farm, of its tenant and of its priority.
local function list_live(id)
  local tenant = tenant_of(id)
  redis.call('SADD', LIVE, id)
  redis.call('SADD', PRIORITY .. priority_of(id), id)
  redis.call('SADD', TENANTS, tenant)
  redis.call('SADD', PREFIX .. 'tenant:' .. tenant .. ':jobs', id)
end

-- Forget a submission that was refused, but not how many events told of it: their numbers must not come again.
local function forget_rejected(job)
  local events = redis.call('HGET', job, 'events')
  redis.call('DEL', job)
  if events then redis.call('HSET', job, 'events', events) end
end

-- Take a job off the lists of those that wait, without touching what its workers hold.
local function leave_lists(id)
  redis.call('ZREM', QUEUED, id)
  redis.call('ZREM', PREPARING, id)
  redis.call('ZREM', PUBLISHING, id)
  redis.call('SREM', ACTIVE, id)
  redis.call('ZREM', GROWING, id)
  for _, run in ipairs(redis.call('HKEYS', key(id, 'queued'))) do unqueue(id, run) end
  for _, queue in ipairs(queues_of(id)) do
    if redis.call('DEL', key(id, 'pending:' .. queue)) == 1 then note_change(id) end
  end
  forget_counts(id)
end

-- fields are further fields and values of the job's hash.
local function end_job(id, state, fields)
  local job, now = key(id), clock()
  note_state(id, state_of(id), nil, now)
  redis.call('HSET', job, 'state', state, 'at:' .. state, stamp(now), unpack(fields))
  redis.call('HDEL', job, 'step', 'step:until', 'step:tries', 'step:since', 'step:lost', 'message', 'shown')
  if state ~= 'done' then redis.call('HDEL', job, 'master') end  -- what was shown of it does not stay
  leave_lists(id)
  ring()
  local tasks, done = counts(job)
  redis.call('HSET', job, 'tasks', tasks, 'tasks_done', done)
  redis.call('SREM', LIVE, id)
  redis.call('SREM', PRIORITY .. priority_of(id), id)
  redis.call('SREM', PREFIX .. 'tenant:' .. tenant_of(id) .. ':jobs', id)
  if state ~= 'done' and redis.call('EXISTS', key(id, 'plan')) == 1 then
    local wait = LETTING_GO
    local kind = redis.call('HGET', job, 'error_kind')
    if state == 'failed' and not HOPELESS[kind] then
      wait = math.max(wait, tonumber(redis.call('HGET', job, 'keep') or '0'))
    end
    redis.call('ZADD', CLEANUP, now + wait, id)
  end
  local ttl = math.ceil(tonumber(redis.call('HGET', job, 'ttl') or '1209600'))
  redis.call('EXPIRE', job, ttl)
  for _, part in ipairs(PARTS) do
    redis.call('EXPIRE', key(id, part), kept(part, state) and ttl or math.min(ttl, LINGER))
  end
  emit(id, 'job.' .. state, now, state == 'done' and 1 or finished_share(id))
end
