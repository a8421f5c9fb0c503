-- Add up what some jobs have to do. ARGV: how many queues there are; the queues; the jobs.
-- Returns of each queue {tasks without a result, those of them that a worker has, milliseconds that all are expected to
-- take, since when the job has waited that was given out nothing for longest while tasks of it wait ('' if none waits)}.
local queues, rows, fields = tonumber(ARGV[1]), {}, {'state', 'at:encoding', 'served'}
for q = 1, queues do
  rows[q] = {0, 0, 0, ''}
  for _, name in ipairs({'open:', 'running:', 'left:'}) do fields[#fields + 1] = name .. ARGV[q + 1] end
end
for i = queues + 2, #ARGV do
  local job = redis.call('HMGET', key(ARGV[i]), unpack(fields))
  for q = 1, job[1] == 'encoding' and queues or 0 do
    local row, at = rows[q], 3 * q
    local open, running = tonumber(job[at + 1] or '0'), tonumber(job[at + 2] or '0')
    row[1], row[2], row[3] = row[1] + open, row[2] + running, row[3] + tonumber(job[at + 3] or '0')
    if open > running then
      local since = math.max(tonumber(job[2] or '0'), tonumber(job[3] or '0'))
      if row[4] == '' or since < tonumber(row[4]) then row[4] = stamp(since) end
    end
  end
end
return rows
