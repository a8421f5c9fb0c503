-- Take the job whose playlists are to be looked at next, and put it off for all others. ARGV: seconds.
-- Returns its id, or nil if none is due.
local due = redis.call('ZRANGEBYSCORE', GROWING, 0, clock(), 'LIMIT', 0, 1)[1]
if due then redis.call('ZADD', GROWING, clock() + tonumber(ARGV[1]), due) end
return due
