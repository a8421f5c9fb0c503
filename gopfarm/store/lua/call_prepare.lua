-- Ask the schedulers to probe and plan a job that waits for it. ARGV: id. Returns 1, or 0 if it waits no more.
if redis.call('ZREM', QUEUED, ARGV[1]) == 0 then return 0 end
call_step(ARGV[1], PREPARING, 'prepare')
return 1
