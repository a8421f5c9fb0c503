-- Move a job from one of some states to another, or not at all.
-- KEYS: job. ARGV: now, to, comma-separated states it may come from, then field/value pairs.
-- Returns {1 or 0, state before}.
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return {0, ''} end
local allowed = false
for from in string.gmatch(ARGV[3], '[^,]+') do
  if from == state then allowed = true end
end
if not allowed then return {0, state} end
local fields = {}
for i = 4, #ARGV do fields[#fields + 1] = ARGV[i] end
redis.call('HSET', KEYS[1], 'state', ARGV[2], 'at:' .. ARGV[2], ARGV[1], unpack(fields))
local ended = END_OF_STATE[ARGV[2]]
if ended then
  local id = redis.call('HGET', KEYS[1], 'id')
  emit(id, ended, ARGV[1], ARGV[2] == 'done' and 1 or finished_share(id))
end
return {1, state}
