-- Note how much of a progressive job viewers see. The first time is told to who waits for it.
-- ARGV: id, segments that are shown, address of the master playlist. Returns 1 the first time, else 0.
local id, job = ARGV[1], key(ARGV[1])
local state, now = state_of(id), clock()
if state ~= 'encoding' and state ~= 'stitching' then return 0 end
redis.call('HSET', job, 'shown', ARGV[2])
if redis.call('HSETNX', job, 'at:playable', stamp(now)) == 0 then return 0 end
redis.call('HSET', job, 'master', ARGV[3])
emit(id, 'job.playable', now, finished_share(id))
return 1
