-- Take the ends of jobs in a piece of the stream of events for counted, unless another scheduler has by now.
-- ARGV: event up to which they were counted as the piece was read, last event of the piece. Returns 1, or 0.
if (redis.call('GET', EVENTS_COUNTED) or '0') ~= ARGV[1] then return 0 end
redis.call('SET', EVENTS_COUNTED, ARGV[2])
return 1
