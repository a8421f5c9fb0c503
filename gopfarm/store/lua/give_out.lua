-- Send the next waiting tasks of some jobs to queues, in the order in which the jobs are named; should a message get
-- lost, its lease brings the task back. Each task's tenant is charged for it in the same step.
-- ARGV: seconds after which a task is given again; how many are to be given out; of each: job, queue, weight of its
-- tenant, its place; then of each job that is given something: job, queue, how many of its next tasks to tell of.
-- A place is '' for the end of the queue, the message behind which the new one goes, '^' and the number of the task
-- of this call whose message that is, or '<' for the front.
-- Returns, of each that was to be given out, {task, message, expected seconds} or {} if none waits; and, of each job
-- in the second list, {how many wait, expected seconds of those that are next}.
local ends, number = tonumber(ARGV[1]), tonumber(ARGV[2])
local given, left = {}, {}

local function give(id, queue, weight, place)
  if state_of(id) ~= 'encoding' then return {} end
  local first = redis.call('ZPOPMIN', key(id, 'pending:' .. queue))
  if #first == 0 then return {} end
  local task, now = first[1], clock()
  local behind = place ~= '' and place or nil
  local earlier = given[tonumber(string.match(place, '^%^(%d+)$') or '0')]
  if earlier then behind = earlier[2] or '<' end
  local message = post(queue, 'encode', {id, task}, behind)
  redis.call('HSET', key(id, 'queued'), task, message)
  local served = redis.call('HGET', key(id), 'served') or '0'
  redis.call('HSET', key(id), 'served', stamp(now), 'served:by', message, 'served:before', served)
  lease(id, task, now + ends)
  local _, _, seconds = order_of(id, task)
  redis.call('HINCRBYFLOAT', SHARES, tenant_of(id), exact(seconds / weight))
  return {task, message, exact(seconds)}
end

for i = 3, 4 * number + 2, 4 do
  given[#given + 1] = give(ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), ARGV[i + 3])
end
for i = 4 * number + 3, #ARGV, 3 do left[#left + 1] = {outlook(ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]))} end
return {given, left}
