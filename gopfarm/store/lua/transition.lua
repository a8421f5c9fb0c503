-- Move a job from one of some states to another, or not at all.
-- ARGV: id, to, comma-separated states it may come from, then fields and values. Returns 1 or 0.
local id, to = ARGV[1], ARGV[2]
local state = state_of(id)
local allowed = false
for from in string.gmatch(ARGV[3], '[^,]+') do
  if from == state then allowed = true end
end
if not allowed then return 0 end
local fields = {}
for i = 4, #ARGV do fields[#fields + 1] = ARGV[i] end
if to == 'done' or to == 'failed' or to == 'cancelled' then
  end_job(id, to, fields)
else
  local now = clock()
  redis.call('HSET', key(id), 'state', to, 'at:' .. to, stamp(now), unpack(fields))
  note_state(id, state, to, now)
end
return 1
