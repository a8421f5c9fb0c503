-- What some jobs have at work. ARGV: the jobs.
-- Returns of each job that is encoding, in one text with line breaks between: job, tenant, how many of its tasks have no
-- result, then each run that a worker has, and the worker.
local rows = {}
for _, id in ipairs(ARGV) do
  local known = redis.call('HMGET', key(id), 'state', 'tenant')
  if known[1] == 'encoding' then
    local row = {id, known[2] or 'default', redis.call('HLEN', key(id, 'tasks')) - redis.call('HLEN', key(id, 'results'))}
    local owners = redis.call('HGETALL', key(id, 'owners'))
    for i = 1, #owners, 2 do
      row[#row + 1], row[#row + 2] = owners[i], string.match(owners[i + 1], '^[^#]*')
    end
    rows[#rows + 1] = table.concat(row, '\n')
  end
end
return rows
