#!lua flags=allow-oom
-- From now on nobody reads epochs below the first one.
-- KEYS: meta. ARGV: journal, fence, first epoch.
if redis.call('TYPE', KEYS[1])['ok'] ~= 'hash' then
    return { 'refused', {} }
end
local stored = redis.call('HMGET', KEYS[1], 'journal', 'fence', 'first')
if stored[1] ~= ARGV[1] then
    return { 'refused', redis.call('HGETALL', KEYS[1]) }
end
if (tonumber(stored[2]) or 0) > tonumber(ARGV[2]) then
    return { 'fenced', stored[2] }
end
if (tonumber(stored[3]) or 0) < tonumber(ARGV[3]) then
    redis.call('HSET', KEYS[1], 'first', ARGV[3])
end
return { 'done' }
