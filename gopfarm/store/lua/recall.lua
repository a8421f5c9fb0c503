-- Take a task that no worker has fetched yet back from its queue, and what its tenant was charged for it.
-- ARGV: id, run, message, the charge. Returns 1 or 0.
local id, run, message = ARGV[1], ARGV[2], ARGV[3]
if redis.call('HGET', key(id, 'queued'), run) ~= message then return 0 end
return take_back(id, run, message, tonumber(ARGV[4])) and 1 or 0
