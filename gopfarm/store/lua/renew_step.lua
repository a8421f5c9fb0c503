-- Keep the claim on a step of a job. ARGV: id, set (preparing or publishing), who, seconds.
-- Returns 1, or 0 if another has it or the job has moved on.
local id, set, job = ARGV[1], PREFIX .. ARGV[2], key(ARGV[1])
if redis.call('HGET', job, 'step') ~= ARGV[3] then return 0 end
if not redis.call('ZSCORE', set, id) then return 0 end
local ends = clock() + tonumber(ARGV[4])
redis.call('HSET', job, 'step:until', stamp(ends))
redis.call('ZADD', set, ends, id)
return 1
