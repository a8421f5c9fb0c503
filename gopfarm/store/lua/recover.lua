-- Give the messages of dead processes again: what they had fetched of dramatiq's queues and not finished.
-- ARGV: seconds without a sign of life after which a process is dead, then the queues. Returns how many.
local found, now = 0, clock() * 1000
local dead = redis.call('ZRANGEBYSCORE', 'dramatiq:__heartbeats__', 0, now - tonumber(ARGV[1]) * 1000, 'LIMIT', 0, 100)
for _, process in ipairs(dead) do
  for i = 2, #ARGV do
    local held = 'dramatiq:__acks__.' .. process .. '.' .. ARGV[i]
    for _, message in ipairs(redis.call('SMEMBERS', held)) do
      if redis.call('HEXISTS', 'dramatiq:' .. ARGV[i] .. '.msgs', message) == 1 then
        redis.call('RPUSH', 'dramatiq:' .. ARGV[i], message)
        found = found + 1
      end
    end
    redis.call('DEL', held)
  end
  redis.call('ZREM', 'dramatiq:__heartbeats__', process)
end
return found
