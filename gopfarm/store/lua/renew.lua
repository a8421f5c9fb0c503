-- Renew a lease and note the progress. KEYS: job, owners, progress, leases.
-- ARGV: job id, task id, worker, seconds that the lease lasts, progress.
-- Returns 1, or 0 if the worker has lost the task or the job wants it no more.
if redis.call('HGET', KEYS[1], 'state') ~= 'encoding' then return 0 end
if redis.call('HGET', KEYS[2], ARGV[2]) ~= ARGV[3] then return 0 end
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
redis.call('ZADD', KEYS[4], now + tonumber(ARGV[4]), ARGV[1] .. ' ' .. ARGV[2])
redis.call('HSET', KEYS[3], ARGV[2], ARGV[5])
return 1
