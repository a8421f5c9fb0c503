-- Send the next waiting task of a job to a queue; should the message get lost, its lease brings the task back.
-- ARGV: id, queue, seconds after which it is given again. Returns {task, message, expected seconds} or nil.
local id, queue = ARGV[1], ARGV[2]
if state_of(id) ~= 'encoding' then return nil end
local first = redis.call('ZPOPMIN', key(id, 'pending:' .. queue))
if #first == 0 then return nil end
local task, now = first[1], clock()
local message = post(queue, 'encode', {id, task})
redis.call('HSET', key(id, 'queued'), task, message)
redis.call('HSET', key(id), 'served', stamp(now))
lease(id, task, now + tonumber(ARGV[3]))
local _, _, seconds = order_of(id, task)
return {task, message, stamp(seconds)}
