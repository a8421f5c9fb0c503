-- Send a job that failed or was cancelled through again, from its beginning. What it has stored is found there.
-- ARGV: id, jobs that the tenant may have waiting (-1: any number), seconds by which it is put before others for
-- its priority. Returns 'retried', 'full', or its state.
local id, job = ARGV[1], key(ARGV[1])
local state = state_of(id)
if not state then return '' end
if (state ~= 'failed' and state ~= 'cancelled') or redis.call('HEXISTS', job, 'spec') == 0 then return state end
local jobs = PREFIX .. 'tenant:' .. tenant_of(id) .. ':jobs'
local most = tonumber(ARGV[2])
if most >= 0 and redis.call('SCARD', jobs) >= most then return 'full' end
for _, run in ipairs(redis.call('HKEYS', key(id, 'owners'))) do unlease(id, run) end
for _, part in ipairs(PARTS) do
  if part ~= 'failures' and part ~= 'plan' then redis.call('DEL', key(id, part)) end
end
for _, queue in ipairs(queues_of(id)) do redis.call('DEL', key(id, 'pending:' .. queue)) end
for _, field in ipairs(redis.call('HKEYS', job)) do
  if string.sub(field, 1, 3) == 'at:' then redis.call('HDEL', job, field) end
end
redis.call('HDEL', job, 'rejected', 'error', 'error_kind', 'plan_hash', 'queues', 'served', 'served:by',
  'served:before', 'step:lost', 'tasks', 'tasks_done', 'shown', 'begun', 'media_seconds', 'expected')
local now = clock()
redis.call('HSET', job, 'state', 'queued', 'at:queued', stamp(now))
redis.call('HINCRBY', job, 'retries', 1)
redis.call('PERSIST', job)
redis.call('PERSIST', key(id, 'plan'))  -- until the next one: it names what is stored
redis.call('PERSIST', key(id, 'failures'))
redis.call('ZREM', CLEANUP, id)
list_live(id)
note_state(id, nil, 'queued', now)
redis.call('ZADD', QUEUED, now - tonumber(ARGV[3]), id)
ring()
return 'retried'
