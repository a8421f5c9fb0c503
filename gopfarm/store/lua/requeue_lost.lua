-- A run's message was fetched by a process of which nothing was heard since: let it wait again.
-- ARGV: id, run, message. Returns 1, or 0 if that is not so (any more).
local id, run = ARGV[1], ARGV[2]
if redis.call('HGET', key(id, 'queued'), run) ~= ARGV[3] then return 0 end
if redis.call('HEXISTS', key(id, 'owners'), run) == 1 then return 0 end
local queue = order_of(id, run)
if is_waiting(queue, ARGV[3]) then return 0 end
redis.call('HDEL', key(id, 'queued'), run)
redis.call('HDEL', 'dramatiq:' .. queue .. '.msgs', ARGV[3])
unlease(id, run)
if state_of(id) == 'encoding' then make_pending(id, run) end
return 1
