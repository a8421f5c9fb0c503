-- Take the most expensive waiting task of a job, to be queued; should it get lost, its lease brings it back.
-- KEYS: job, pending, leases. ARGV: job id, seconds after which it is given again. Returns the task id or nil.
if redis.call('HGET', KEYS[1], 'state') ~= 'encoding' then return nil end
local first = redis.call('ZPOPMIN', KEYS[2])
if #first == 0 then return nil end
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
redis.call('ZADD', KEYS[3], now + tonumber(ARGV[2]), ARGV[1] .. ' ' .. first[1])
return first[1]
