-- Create a job, unless it exists already.
-- KEYS: job, jobs index. ARGV: id, now, then field/value pairs. Returns 1 if created, 0 if it was there.
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local fields = {}
for i = 3, #ARGV do fields[#fields + 1] = ARGV[i] end
redis.call('HSET', KEYS[1], 'id', ARGV[1], 'state', 'queued', 'at:queued', ARGV[2], unpack(fields))
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
return 1
