-- Create a job, unless it exists already. A submission that was rejected does not count: its id is free again.
-- ARGV: id, jobs that the tenant may have waiting (-1: any number), seconds by which it is put before others for
-- its priority, then fields and values.
-- Returns 'created', 'known', or 'full' (the tenant has too many; nothing is written).
local id, job, tenant = ARGV[1], key(ARGV[1]), 'default'
local fields = {}
for i = 4, #ARGV, 2 do
  fields[#fields + 1], fields[#fields + 2] = ARGV[i], ARGV[i + 1]
  if ARGV[i] == 'tenant' then tenant = ARGV[i + 1] end
end
if redis.call('EXISTS', job) == 1 then
  if redis.call('HEXISTS', job, 'rejected') == 0 then return 'known' end
end
local jobs = PREFIX .. 'tenant:' .. tenant .. ':jobs'
local most = tonumber(ARGV[2])
if most >= 0 and redis.call('SCARD', jobs) >= most then return 'full' end
forget_rejected(job)
local now = clock()
redis.call('HSET', job, 'id', id, 'state', 'queued', 'at:queued', stamp(now), unpack(fields))
redis.call('ZADD', JOBS, now, id)
list_live(id)
note_state(id, nil, 'queued', now)
redis.call('ZADD', QUEUED, now - tonumber(ARGV[3]), id)
ring()
-- Forget some of the oldest that have expired, so that the index does not grow for ever.
for _, old in ipairs(redis.call('ZRANGE', JOBS, 0, 9)) do
  if redis.call('EXISTS', key(old)) == 0 then redis.call('ZREM', JOBS, old) end
end
return 'created'
