-- Ask once more for a step that nobody was heard of, unless the message only waits its turn.
-- ARGV: id, name of the set (preparing or publishing), actor. Returns 1 if a message was sent.
local id, set = ARGV[1], PREFIX .. ARGV[2]
local due = redis.call('ZSCORE', set, id)
if not due or tonumber(due) > clock() then return 0 end
local message = redis.call('HGET', key(id), 'message')
if message and is_waiting('jobs', message) then
  redis.call('ZADD', set, clock() + STEP_PATIENCE, id)
  return 0
end
call_step(id, set, ARGV[3])
return 1
