#!lua
-- Starts a view anew in a space of its own.
-- KEYS: meta, index.
-- ARGV: journal, fence, number of the space, then fields and values of the new meta.
local kind = redis.call('TYPE', KEYS[1])['ok']
if kind == 'hash' then
    local stored = redis.call('HMGET', KEYS[1], 'journal', 'fence', 'space')
    if stored[1] == ARGV[1] then
        local fence = tonumber(ARGV[2])
        if (tonumber(stored[2]) or 0) > fence then
            return { 'fenced', stored[2] }
        end
        local f, n = string.match(stored[3] or '', '^(%d+)-(%d+)$')
        f, n = tonumber(f), tonumber(n)
        if f and (f > fence or (f == fence and n >= tonumber(ARGV[3]))) then
            return { 'refused', redis.call('HGETALL', KEYS[1]) }
        end
    end
end
-- Whatever else is there is not ours.
redis.call('UNLINK', KEYS[1])
local index = redis.call('TYPE', KEYS[2])['ok']
if index ~= 'zset' and index ~= 'none' then
    redis.call('UNLINK', KEYS[2])
end
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
return { 'done' }
