-- What the farm has to do, counted as it changes, so that gauges of it are cheap to read. After base.lua.
-- The hash of a job that is encoding has, of each of its queues, how many tasks have no result ('open:<queue>'), the
-- milliseconds that they are expected to take ('left:<queue>': whole numbers, whose sums are exact), and how many of them
-- a worker has ('running:<queue>'). Twins are not counted.
local STATES, UNPLANNED = PREFIX .. 'state:', PREFIX .. 'unplanned:'
local LIVE_STATES = {'queued', 'probing', 'planning', 'encoding', 'stitching'}
local BEFORE_THE_PLAN = {queued = true, probing = true, planning = true}

-- What planned jobs were expected to take, as means of about so many of the last ones.
local PLANNED, PLANNED_KEPT = PREFIX .. 'planned', 20

-- Jobs that have not ended, by priority.
local PRIORITY = PREFIX .. 'priority:'

-- Seconds for which it is remembered how much was done in a minute.
local THROUGHPUT_KEPT = 600

local function milliseconds(seconds) return math.floor(1000 * seconds + 0.5) end

local function wish_of(id) return redis.call('HGET', key(id), 'encoder') or 'auto' end

-- Note that a job is in another state. What is no state of a job that has not ended, such as nil, is listed nowhere.
local function note_state(id, from, to, now)
  redis.call('ZREM', STATES .. tostring(from), id)
  if to then redis.call('ZADD', STATES .. to, now, id) end
  if BEFORE_THE_PLAN[to] then
    redis.call('SADD', UNPLANNED .. wish_of(id), id)
  elseif BEFORE_THE_PLAN[from] then
    redis.call('SREM', UNPLANNED .. wish_of(id), id)
  end
end

-- Put a job on the lists of its state and priority, and off those of others; true if it was not so.
local function repair_state(id, state)
  local wrong, live, wish = false, false, UNPLANNED .. wish_of(id)
  for _, name in ipairs(LIVE_STATES) do
    local listed = redis.call('ZSCORE', STATES .. name, id)
    live = live or name == state
    if listed and name ~= state then
      redis.call('ZREM', STATES .. name, id)
      wrong = true
    elseif name == state and not listed then
      redis.call('ZADD', STATES .. name, redis.call('HGET', key(id), 'at:' .. name) or clock(), id)
      wrong = true
    end
  end
  local priority = priority_of(id)
  for level = 0, 9 do
    local change = live and tostring(level) == priority and 'SADD' or 'SREM'
    if redis.call(change, PRIORITY .. level, id) == 1 then wrong = true end
  end
  local change = BEFORE_THE_PLAN[state] and 'SADD' or 'SREM'
  return redis.call(change, wish, id) == 1 or wrong
end

-- Note what a new plan leaves to do: open tasks and milliseconds, by queue. main is the queue of its picture.
local function count_plan(id, main, open, left)
  for queue, number in pairs(open) do
    redis.call('HSET', key(id), 'open:' .. queue, number, 'left:' .. queue, left[queue], 'running:' .. queue, 0)
  end
  if not next(open) then return end
  local weight = math.min(redis.call('HINCRBY', PLANNED, main, 1), PLANNED_KEPT)
  local means = redis.call('HGETALL', PLANNED)
  local known = {}
  for i = 1, #means, 2 do known[means[i]] = tonumber(means[i + 1]) end
  for queue in pairs(left) do known[main .. ' ' .. queue] = known[main .. ' ' .. queue] or 0 end
  for field, mean in pairs(known) do
    local of, queue = string.match(field, '^(%S+) (%S+)$')
    if of == main then
      redis.call('HSET', PLANNED, field, string.format('%.0f', mean + ((left[queue] or 0) - mean) / weight))
    end
  end
end

-- Count a task among what the farm gets done in this minute, and the part of its film that it is of all the film's work:
-- that many of the seconds that were expected of it.
local function count_done(id, seconds)
  local minute = PREFIX .. 'throughput:' .. math.floor(clock() / 60)
  local known = redis.call('HMGET', key(id), 'media_seconds', 'expected')
  local media, expected = tonumber(known[1] or '0'), tonumber(known[2] or '0')
  if expected > 0 then redis.call('HINCRBY', minute, 'media_ms', milliseconds(media * seconds / expected)) end
  if redis.call('HINCRBY', minute, 'tasks', 1) == 1 then redis.call('EXPIRE', minute, THROUGHPUT_KEPT) end
end

-- Note that a task has its result. ran: whether a worker had it.
local function count_result(id, task, ran)
  local queue, _, seconds = order_of(id, task)
  redis.call('HINCRBY', key(id), 'open:' .. queue, -1)
  redis.call('HINCRBY', key(id), 'left:' .. queue, -milliseconds(seconds))
  if ran then redis.call('HINCRBY', key(id), 'running:' .. queue, -1) end
  count_done(id, seconds)
end

-- Let a worker have a run of an open task.
local function own(id, run, token)
  local new = redis.call('HSET', key(id, 'owners'), run, token) == 1
  if new and not is_twin(run) then redis.call('HINCRBY', key(id), 'running:' .. order_of(id, run), 1) end
end

-- Let no worker have a run any more.
local function disown(id, run)
  if redis.call('HDEL', key(id, 'owners'), run) == 0 or is_twin(run) then return end
  if state_of(id) == 'encoding' and redis.call('HEXISTS', key(id, 'results'), run) == 0 then
    redis.call('HINCRBY', key(id), 'running:' .. order_of(id, run), -1)
  end
end

local function forget_counts(id)
  for _, queue in ipairs(queues_of(id)) do
    redis.call('HDEL', key(id), 'open:' .. queue, 'left:' .. queue, 'running:' .. queue)
  end
end

-- Count anew what a job that is encoding has to do, if its numbers of tasks are not right; true if they were not.
local function repair_counts(id)
  local open, left, running = {}, {}, {}
  local has, is, ran, runs = 0, redis.call('HLEN', key(id, 'tasks')) - redis.call('HLEN', key(id, 'results')), 0, 0
  for _, queue in ipairs(queues_of(id)) do
    local counted = redis.call('HMGET', key(id), 'open:' .. queue, 'running:' .. queue)
    has, runs = has + tonumber(counted[1] or '0'), runs + tonumber(counted[2] or '0')
    open[queue], left[queue], running[queue] = 0, 0, 0
  end
  local owned = {}
  for _, run in ipairs(redis.call('HKEYS', key(id, 'owners'))) do
    if not is_twin(run) and redis.call('HEXISTS', key(id, 'results'), run) == 0 then
      ran, owned[run] = ran + 1, true
    end
  end
  if has == is and runs == ran then return false end
  for _, task in ipairs(redis.call('HKEYS', key(id, 'tasks'))) do
    if redis.call('HEXISTS', key(id, 'results'), task) == 0 then
      local queue, _, seconds = order_of(id, task)
      open[queue], left[queue] = open[queue] + 1, left[queue] + milliseconds(seconds)
      if owned[task] then running[queue] = running[queue] + 1 end
    end
  end
  for queue in pairs(open) do
    redis.call('HSET', key(id), 'open:' .. queue, open[queue], 'left:' .. queue, left[queue],
      'running:' .. queue, running[queue])
  end
  return true
end
