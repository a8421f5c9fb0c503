-- How far some runs are. ARGV: of each its job and itself.
-- Returns of each "started done length": when it was started (0: not known), its frames or samples that are done, and all
-- that it has.
local rows = {}
for i = 1, #ARGV, 2 do
  local id, run = ARGV[i], ARGV[i + 1]
  local order = redis.call('HGET', key(id, 'orders'), task_of(run)) or ''
  rows[#rows + 1] = table.concat({
    redis.call('HGET', key(id, 'started'), run) or '0',
    redis.call('HGET', key(id, 'progress'), run) or '0',
    string.match(order, '(%S+)$') or '0',
  }, ' ')
end
return rows
