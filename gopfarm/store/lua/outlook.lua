-- What some jobs have to give out. ARGV: of how many of each job's next tasks to tell; how many queues there are;
-- the queues; the jobs.
-- Returns of each job {tenant, priority, time of submission, time at which it was given out something last, then of
-- each queue: how many of its tasks wait, expected seconds of those that are next}.
local most, queues, jobs = tonumber(ARGV[1]), tonumber(ARGV[2]), {}
for i = 3 + queues, #ARGV do
  local id = ARGV[i]
  local row = redis.call('HMGET', key(id), 'tenant', 'priority', 'at:queued', 'served')
  for q = 3, 2 + queues do
    local waiting, seconds = outlook(id, ARGV[q], most)
    row[#row + 1], row[#row + 2] = waiting, seconds
  end
  jobs[#jobs + 1] = row
end
return jobs
