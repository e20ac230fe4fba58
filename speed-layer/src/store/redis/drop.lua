#!lua flags=allow-oom
-- From now on nobody reads the view. Its chunks are swept later.
-- KEYS: meta. ARGV: journal, fence.
if redis.call('TYPE', KEYS[1])['ok'] == 'hash' then
    local stored = redis.call('HMGET', KEYS[1], 'journal', 'fence')
    if stored[1] == ARGV[1] and (tonumber(stored[2]) or 0) > tonumber(ARGV[2]) then
        return { 'fenced', stored[2] }
    end
end
redis.call('UNLINK', KEYS[1])
return { 'done' }
