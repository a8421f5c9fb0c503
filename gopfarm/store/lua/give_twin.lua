-- Send a task that is being run once more, to a second worker; at most one twin a task.
-- ARGV: id, task, seconds after which the twin is given up. Returns the message, or nil.
local id, task = ARGV[1], ARGV[2]
if state_of(id) ~= 'encoding' then return nil end
if redis.call('HEXISTS', key(id, 'results'), task) == 1 then return nil end
if redis.call('HEXISTS', key(id, 'owners'), task) == 0 then return nil end
if redis.call('HSETNX', key(id, 'twins'), task, stamp(clock())) == 0 then return nil end
local queue = order_of(id, task)
local message = post(queue, 'encode', {id, task .. '~'})
redis.call('HSET', key(id, 'queued'), task .. '~', message)
lease(id, task .. '~', clock() + tonumber(ARGV[3]))
return message
