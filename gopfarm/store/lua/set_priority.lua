-- Change the priority of a job that has not ended. Of its tasks that lie in queues, so many at most are taken back, so
-- that they are given out anew, where they belong now.
-- ARGV: id, priority, seconds by which it is put before others for it, weight of its tenant.
-- Returns 'changed'; or the state of a job that has ended, '' if there is none.
local MOST_TAKEN_BACK = 100
local id, priority = ARGV[1], ARGV[2]
local state = state_of(id)
if not state then return '' end
if redis.call('SISMEMBER', LIVE, id) == 0 then return state end
local before = priority_of(id)
if before == priority then return 'changed' end
redis.call('HSET', key(id), 'priority', priority)
redis.call('SREM', PRIORITY .. before, id)
redis.call('SADD', PRIORITY .. priority, id)
local since = redis.call('HGET', key(id), 'at:queued')
redis.call('ZADD', QUEUED, 'XX', stamp(tonumber(since) - tonumber(ARGV[3])), id)
local left = MOST_TAKEN_BACK
for _, run in ipairs(redis.call('HKEYS', key(id, 'queued'))) do
  if left == 0 then break end
  if not is_twin(run) then
    local _, _, seconds = order_of(id, run)
    take_back(id, run, redis.call('HGET', key(id, 'queued'), run), seconds / tonumber(ARGV[4]))
    left = left - 1
  end
end
note_change(id)
return 'changed'
