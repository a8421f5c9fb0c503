-- A scheduler claims a step of a job, or keeps its claim. ARGV: id, set (preparing or publishing), who, seconds,
-- comma-separated states in which there is something to do. Returns 1, or 0 if another is at it or it is done.
local MOST_LOST = 5
local id, set, who = ARGV[1], PREFIX .. ARGV[2], ARGV[3]
local state, job, now = state_of(id), key(ARGV[1]), clock()
local open = false
for name in string.gmatch(ARGV[5], '[^,]+') do
  if name == state then open = true end
end
if not open then return 0 end
-- A message from before a retry, or before Redis lost its last writes: it is too early.
if state == 'encoding' and not all_tasks_done(id) then return 0 end
local holder = redis.call('HGET', job, 'step')
if holder and holder ~= who and tonumber(redis.call('HGET', job, 'step:until') or '0') > now then return 0 end
if holder and holder ~= who then
  -- Its scheduler was lost. A step that takes one after the other with it must end.
  if redis.call('HINCRBY', job, 'step:lost', 1) >= MOST_LOST then
    end_job(id, 'failed', {'error_kind', 'lost', 'error',
      'the ' .. (ARGV[2] == 'preparing' and 'planning' or 'publishing') .. ' of this job was begun ' .. MOST_LOST
      .. ' times, and each time its scheduler was lost'})
    return 0
  end
end
redis.call('HSET', job, 'step', who, 'step:until', stamp(now + tonumber(ARGV[4])))
redis.call('ZREM', QUEUED, id)
redis.call('ZADD', set, now + tonumber(ARGV[4]), id)
return 1
