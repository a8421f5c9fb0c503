-- Save the plan of a job and open its tasks for dispatch, if the job is still being planned.
-- ARGV: id, plan hash, plan, comma-separated queues, queue of the picture, seconds that the source plays, how many values
-- the tasks have in common, these (name and JSON in turn), then of each task: id, JSON, queue, score, expected seconds,
-- frames or samples, and its result if it lies at the destination already, else ''.
-- Returns 1, or 0 if the job is not being planned any more (then nothing is written).
local id, job = ARGV[1], key(ARGV[1])
if state_of(id) ~= 'planning' then return 0 end
redis.call('SET', key(id, 'plan'), ARGV[3])
local now = clock()
redis.call('HSET', job, 'state', 'encoding', 'at:encoding', stamp(now), 'plan_hash', ARGV[2], 'queues', ARGV[4],
  'media_seconds', ARGV[6])
note_state(id, 'planning', 'encoding', now)
redis.call('HDEL', job, 'step', 'step:until', 'step:tries', 'step:since', 'step:lost', 'message')
redis.call('ZREM', PREPARING, id)
redis.call('ZREM', QUEUED, id)
local first = 8 + 2 * tonumber(ARGV[7])
for i = 8, first - 1, 2 do redis.call('HSET', key(id, 'common'), ARGV[i], ARGV[i + 1]) end
-- Many values by one command: a film of a day has thousands of tasks, and Redis does nothing else meanwhile.
local batches = {}
local function write(command, name, first, second)
  local batch = batches[name] or {command}
  batches[name] = batch
  batch[#batch + 1], batch[#batch + 2] = first, second
  if #batch > 1000 then
    redis.call(command, name, unpack(batch, 2))
    batches[name] = nil
  end
end
local open, left, expected = {}, {}, 0
for i = first, #ARGV, 7 do
  local task, queue, score = ARGV[i], ARGV[i + 2], ARGV[i + 3]
  expected = expected + tonumber(ARGV[i + 4])
  write('HSET', key(id, 'tasks'), task, ARGV[i + 1])
  write('HSET', key(id, 'orders'), task, queue .. ' ' .. score .. ' ' .. ARGV[i + 4] .. ' ' .. ARGV[i + 5])
  if ARGV[i + 6] ~= '' then
    write('HSET', key(id, 'results'), task, ARGV[i + 6])
    write('HSET', key(id, 'progress'), task, ARGV[i + 5])
  else
    write('ZADD', key(id, 'pending:' .. queue), score, task)
    open[queue] = (open[queue] or 0) + 1
    left[queue] = (left[queue] or 0) + milliseconds(tonumber(ARGV[i + 4]))
  end
end
for name, batch in pairs(batches) do redis.call(batch[1], name, unpack(batch, 2)) end
redis.call('HSET', job, 'expected', exact(expected))
count_plan(id, ARGV[5], open, left)
if all_tasks_done(id) then
  call_step(id, PUBLISHING, 'stitch')
else
  redis.call('SADD', ACTIVE, id)
  if redis.call('HGET', job, 'publish') == 'progressive' then redis.call('ZADD', GROWING, clock(), id) end
  note_change(id)
end
return 1
