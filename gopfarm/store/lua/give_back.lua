-- A worker, or the lease's end, gives a run back.
-- ARGV: id, run, token ('' when its lease ended), attempts allowed (0: this attempt does not count), error kind,
-- reason of this attempt, message of the job should it fail by this.
-- Returns 'retry', 'failed' (attempts used up, and no twin that may still succeed: the job fails), or 'unwanted'.
local id, run, token = ARGV[1], ARGV[2], ARGV[3]
local task, owner = task_of(run), redis.call('HGET', key(id, 'owners'), ARGV[2])
if token == '' then
  local ends = redis.call('ZSCORE', LEASES, id .. ' ' .. run)
  if not ends or tonumber(ends) > clock() then return 'unwanted' end
elseif owner ~= token then
  return 'unwanted'
end
unlease(id, run)
disown(id, run)
unqueue(id, run)
if state_of(id) ~= 'encoding' then return 'unwanted' end
if redis.call('HEXISTS', key(id, 'results'), task) == 1 then return 'unwanted' end
local allowed = tonumber(ARGV[4])
local attempt = tonumber(redis.call('HGET', key(id, 'attempts'), task) or '0')
if owner and allowed > 0 then
  redis.call('RPUSH', key(id, 'failures'), cjson.encode({
    task = task, attempt = attempt, worker = string.match(owner, '^[^#]*'), kind = ARGV[5], reason = ARGV[6],
    at = clock(),
  }))
  redis.call('LTRIM', key(id, 'failures'), -MAX_FAILURES, -1)
end
if is_twin(run) then return 'unwanted' end
if allowed == 0 then
  if owner then redis.call('HINCRBY', key(id, 'attempts'), task, -1) end
elseif attempt >= allowed and redis.call('HEXISTS', key(id, 'owners'), task .. '~') == 0 then
  end_job(id, 'failed', {'error_kind', ARGV[5], 'error', ARGV[7]})
  return 'failed'
end
make_pending(id, run)
return 'retry'
