-- Let go of a step of a job. If it is not done, it is asked for again after a while.
-- ARGV: id, set (preparing or publishing), who, seconds until then, 1 if a try has failed.
-- Returns how many tries have failed so far.
local id, set, job = ARGV[1], PREFIX .. ARGV[2], key(ARGV[1])
if redis.call('HGET', job, 'step') ~= ARGV[3] then return 0 end
redis.call('HDEL', job, 'step', 'step:until')
if not redis.call('ZSCORE', set, id) then
  redis.call('HDEL', job, 'step:tries', 'step:since')
  return 0
end
if ARGV[5] == '1' then redis.call('HSETNX', job, 'step:since', stamp(clock())) end
redis.call('ZADD', set, clock() + tonumber(ARGV[4]), id)
return redis.call('HINCRBY', job, 'step:tries', tonumber(ARGV[5]))
