-- Events: every end of a job, each tenth of its work, and that it can be watched while it grows, are written into a
-- stream, and become a delivery where the job has a webhook that wants it. Both happen inside the script that makes
-- the change, so that no event is lost and none tells of a change that was not made. After base.lua.

local EVENTS = 'gopfarm:events'
local DELIVERIES = 'gopfarm:deliveries'
local DELIVERIES_BY_AGE = 'gopfarm:deliveries:age'
local DELIVERY = 'gopfarm:delivery:'
local DEAD = 'gopfarm:dead'
local EVENTS_COUNTED = 'gopfarm:events:counted'

-- About so many events are remembered, some 15 MB: the oldest are dropped first.
local EVENTS_KEPT = 100000

-- What a webhook hears of, unless its spec says otherwise.
local ENDS = {'job.done', 'job.failed', 'job.cancelled'}

-- Return the host (with its port) that is to hear of an event; nil if nobody is.
local function webhook_host(spec_json, event)
  local read, spec = pcall(cjson.decode, spec_json or '')
  if not read or type(spec) ~= 'table' or type(spec.webhook) ~= 'string' then return nil end
  local wanted = type(spec.webhook_events) == 'table' and spec.webhook_events or ENDS
  for _, name in ipairs(wanted) do
    if name == event then return string.lower(string.match(spec.webhook, '^%a+://([^/?#]*)') or '') end
  end
  return nil
end

-- How many tasks a job has, and how many of them are finished. Once it has ended, its own record says so.
local function counts(job)
  local ended = redis.call('HMGET', job, 'tasks', 'tasks_done')
  if ended[1] then return tonumber(ended[1]), tonumber(ended[2]) end
  return redis.call('HLEN', job .. ':tasks'), redis.call('HLEN', job .. ':results')
end

-- The fields of a job that change, besides the times of its states.
local SEEN = {
  state = true, error_kind = true, error = true, plan_hash = true, master = true, priority = true, retries = true,
}

-- The job as it is at this moment: by the time of the delivery it may have been sent through again.
local function snapshot(job)
  local fields, seen = redis.call('HGETALL', job), {}
  for i = 1, #fields, 2 do
    local name = fields[i]
    if SEEN[name] or string.sub(name, 1, 3) == 'at:' then
      seen[name] = fields[i + 1]
    end
  end
  seen.tasks, seen.tasks_done = counts(job)
  return cjson.encode(seen)
end

-- Tell that something happened to a job; to be called after the change is written.
-- now: seconds since 1970; progress: 0 to 1.
local function emit(job_id, event, now, progress)
  local job = 'gopfarm:job:' .. job_id
  local number = redis.call('HINCRBY', job, 'events', 1)
  local known = redis.call('HMGET', job, 'tenant', 'spec')
  local time = string.format('%.6f', tonumber(now))
  local share = string.format('%.6g', tonumber(progress))
  redis.call('XADD', EVENTS, 'MAXLEN', '~', EVENTS_KEPT, '*', 'job', job_id, 'tenant', known[1] or '',
    'event', event, 'time', time, 'progress', share, 'number', number)
  local host = webhook_host(known[2], event)
  if not host then return end
  local id = job_id .. ':' .. number
  redis.call('HSET', DELIVERY .. id, 'job', job_id, 'event', event, 'time', time, 'progress', share,
    'host', host, 'tries', 0, 'state', 'waiting', 'seen', snapshot(job))
  redis.call('ZADD', DELIVERIES, clock(), id)
  redis.call('ZADD', DELIVERIES_BY_AGE, time, id)
end

-- The share of a job's tasks that are finished.
local function finished_share(job_id)
  local tasks, done = counts('gopfarm:job:' .. job_id)
  return tasks > 0 and done / tasks or 0
end

-- Tell that one more task is finished, if that crosses another tenth of the job's tasks.
local function emit_progress(job_id, done, tasks, now)
  if math.floor(10 * done / tasks) > math.floor(10 * (done - 1) / tasks) then
    emit(job_id, 'job.progress', now, done / tasks)
  end
end
