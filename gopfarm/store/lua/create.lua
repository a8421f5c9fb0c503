-- Create a job, unless it exists already. A submission that was rejected does not count: its id is free again.
-- KEYS: job, jobs index. ARGV: id, now, what the keys of jobs begin with, then field/value pairs.
-- Returns 1 if created, 0 if it was there.
if redis.call('EXISTS', KEYS[1]) == 1 then
  if redis.call('HEXISTS', KEYS[1], 'rejected') == 0 then return 0 end
  redis.call('DEL', KEYS[1])
end
local fields = {}
for i = 4, #ARGV do fields[#fields + 1] = ARGV[i] end
redis.call('HSET', KEYS[1], 'id', ARGV[1], 'state', 'queued', 'at:queued', ARGV[2], unpack(fields))
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
-- Forget some of the oldest that have expired, so that the index does not grow for ever.
for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, 9)) do
  if redis.call('EXISTS', ARGV[3] .. id) == 0 then redis.call('ZREM', KEYS[2], id) end
end
return 1
