-- Remember a submission that became no job, as failed, so that its sender can find out why.
-- ARGV: id, then fields and values. Returns 1, or 0 if a real job has the id.
local id, job = ARGV[1], key(ARGV[1])
if redis.call('EXISTS', job) == 1 and redis.call('HEXISTS', job, 'rejected') == 0 then return 0 end
forget_rejected(job)
local fields = {}
for i = 2, #ARGV do fields[#fields + 1] = ARGV[i] end
local now = clock()
redis.call('HSET', job, 'id', id, 'state', 'queued', 'at:queued', stamp(now), unpack(fields))
redis.call('ZADD', JOBS, now, id)
end_job(id, 'failed', {})
return 1
