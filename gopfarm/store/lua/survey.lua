-- What the leading scheduler has to know anew in each round. ARGV: at most so many changed jobs, then the queues.
-- Returns how many messages wait in each queue; the jobs that have changed since it asked last, which are not told
-- again; and the tenants that have jobs which have not ended, each with how many runs it has been given out.
local waiting, runs = {}, {}
for i = 2, #ARGV do waiting[#waiting + 1] = redis.call('LLEN', 'dramatiq:' .. ARGV[i]) end
for _, tenant in ipairs(redis.call('SMEMBERS', TENANTS)) do
  if redis.call('EXISTS', PREFIX .. 'tenant:' .. tenant .. ':jobs') == 1 then
    runs[#runs + 1], runs[#runs + 2] = tenant, redis.call('SCARD', PREFIX .. 'tenant:' .. tenant .. ':runs')
  end
end
return {waiting, redis.call('SPOP', CHANGED, ARGV[1]), runs}
