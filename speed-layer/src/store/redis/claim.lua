#!lua
-- A fence for a new writer.
-- KEYS: the service's hash. ARGV: the fence that the new one must be above.
local last = tonumber(redis.call('HGET', KEYS[1], 'fence')) or 0
local fence = string.format('%.0f', math.max(last, tonumber(ARGV[1])) + 1)
redis.call('HSET', KEYS[1], 'fence', fence)
return fence
