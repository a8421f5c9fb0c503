-- Bring the lists that a job should be on in line with what the job is. ARGV: id.
-- Returns what was found wrong, a word for each finding.
local id, state, found = ARGV[1], state_of(ARGV[1]), {}
local function note(word) found[#found + 1] = word end

for _, run in ipairs(redis.call('HKEYS', key(id, 'owners'))) do
  -- A run without a lease would be waited for without end.
  if not redis.call('ZSCORE', LEASES, id .. ' ' .. run) then
    lease(id, run, clock())
    note('lease')
  end
end

if repair_state(id, state) then note('state') end
if not state or state == 'done' or state == 'failed' or state == 'cancelled' then
  if redis.call('SREM', LIVE, id) == 1 then note('ended') end
  redis.call('SREM', PREFIX .. 'tenant:' .. tenant_of(id) .. ':jobs', id)
  leave_lists(id)
  return found
end

list_live(id)
if state == 'queued' or state == 'probing' or state == 'planning' then
  if not redis.call('ZSCORE', QUEUED, id) and not redis.call('ZSCORE', PREPARING, id) then
    redis.call('ZADD', QUEUED, clock(), id)
    note('waiting')
  end
elseif state == 'stitching' or all_tasks_done(id) then
  if not redis.call('ZSCORE', PUBLISHING, id) then
    call_step(id, PUBLISHING, 'stitch')
    note('publishing')
  end
else
  redis.call('SADD', ACTIVE, id)
  if redis.call('HGET', key(id), 'publish') == 'progressive' and not redis.call('ZSCORE', GROWING, id) then
    redis.call('ZADD', GROWING, clock(), id)
    note('growing')
  end
  if repair_counts(id) then note('backlog') end
  local places, placed = {}, {}
  for _, part in ipairs({'results', 'owners', 'queued'}) do places[#places + 1] = redis.call('HKEYS', key(id, part)) end
  for _, queue in ipairs(queues_of(id)) do
    places[#places + 1] = redis.call('ZRANGE', key(id, 'pending:' .. queue), 0, -1)
  end
  for _, tasks in ipairs(places) do
    for _, task in ipairs(tasks) do placed[task] = true end
  end
  for _, task in ipairs(redis.call('HKEYS', key(id, 'tasks'))) do
    if not placed[task] then
      make_pending(id, task)
      note('task')
    end
  end
end
return found
