-- Take deliveries that are due, each under a lease: should their scheduler die, they are due again after it.
-- Hosts that have no room are passed over, so that one slow receiver does not hold up the others.
-- ARGV: how many to take, seconds of the lease, how many to look at, room of a host that is not named, then
-- host and room in turn. Returns ids and the number of each's try, in turn.
local now = clock()
local most, looked = tonumber(ARGV[1]), tonumber(ARGV[3])
local room = {}
for i = 5, #ARGV, 2 do room[ARGV[i]] = tonumber(ARGV[i + 1]) end
local due = redis.call('ZRANGEBYSCORE', DELIVERIES, '-inf', now, 'LIMIT', 0, looked)
local taken, passed = {}, {}
for _, id in ipairs(due) do
  if #taken >= 2 * most then return taken end
  local host = redis.call('HGET', DELIVERY .. id, 'host')
  if not host then
    redis.call('ZREM', DELIVERIES, id)
    redis.call('ZREM', DELIVERIES_BY_AGE, id)
  else
    local left = room[host] or tonumber(ARGV[4])
    if left > 0 then
      room[host] = left - 1
      redis.call('ZADD', DELIVERIES, now + tonumber(ARGV[2]), id)
      taken[#taken + 1] = id
      taken[#taken + 1] = redis.call('HINCRBY', DELIVERY .. id, 'tries', 1)
    else
      passed[#passed + 1] = id
    end
  end
end
-- Others may be due behind those that were looked at: let those that had to be passed over step back, in order.
if #due == looked then
  for i, id in ipairs(passed) do redis.call('ZADD', DELIVERIES, now + 1 + i / 100000, id) end
end
return taken
