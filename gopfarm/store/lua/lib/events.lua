-- What happened to jobs, for whoever wants to know.
local EVENTS_KEPT = 10000

local function emit(id, event, now, progress)
  redis.call('XADD', 'gopfarm:events', 'MAXLEN', '~', EVENTS_KEPT, '*', 'job', id, 'tenant',
    redis.call('HGET', 'gopfarm:job:' .. id, 'tenant') or 'default', 'event', event,
    'time', string.format('%.6f', now), 'progress', tostring(progress),
    'number', redis.call('HINCRBY', 'gopfarm:job:' .. id, 'events', 1))
end
