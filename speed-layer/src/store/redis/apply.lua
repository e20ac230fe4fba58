#!lua
-- Stores a change: groups, the index of their chunks, and the position, or nothing at all. Every
-- check comes before the first write. Without flags, Redis refuses the script as a whole when it is
-- out of memory, and lets it end once it has begun.
-- KEYS: meta, index, chunks.
-- ARGV: journal, definition, fence, space, serial, from; number of epochs; the number of fields and
-- values for meta, and these; then for each chunk its epoch, its name, the number of its groups, and
-- these as field and value.
local meta, index = KEYS[1], KEYS[2]
if redis.call('TYPE', meta)['ok'] ~= 'hash' then
    if redis.call('EXISTS', meta) == 1 then
        return { 'damaged', 'meta is not a hash' }
    end
    return { 'refused', {} }
end
local stored =
    redis.call('HMGET', meta, 'journal', 'fence', 'definition', 'space', 'serial', 'through')
if stored[1] == ARGV[1] and (tonumber(stored[2]) or 0) > tonumber(ARGV[3]) then
    return { 'fenced', stored[2] }
end
local follows = stored[1] == ARGV[1] and stored[3] == ARGV[2] and stored[4] == ARGV[4]
    and stored[5] == ARGV[5] and stored[6] == ARGV[6]
if not follows then
    return { 'refused', redis.call('HGETALL', meta) }
end
local kind = redis.call('TYPE', index)['ok']
if kind ~= 'zset' and kind ~= 'none' then
    return { 'damaged', 'index is not a sorted set' }
end
local fields = tonumber(ARGV[7])
local at = 8 + fields
local chunks = {}
for i = 3, #KEYS do
    local epoch, groups = ARGV[at], tonumber(ARGV[at + 2])
    kind = redis.call('TYPE', KEYS[i])['ok']
    if kind ~= 'hash' and kind ~= 'none' then
        return { 'damaged', KEYS[i] .. ' is not a hash' }
    end
    local name = 'chunks:' .. epoch
    if not chunks[name] then
        chunks[name] = tonumber(redis.call('HGET', meta, name) or '0')
        if not chunks[name] then
            return { 'damaged', name .. ' is not a number' }
        end
    end
    at = at + 3 + 2 * groups
end

at = 8 + fields
for i = 3, #KEYS do
    local epoch, member, groups = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
    local last = at + 2 + 2 * groups
    for first = at + 3, last, 4000 do
        redis.call('HSET', KEYS[i], unpack(ARGV, first, math.min(first + 3999, last)))
    end
    if redis.call('ZADD', index, 0, member) == 1 then
        local name = 'chunks:' .. epoch
        chunks[name] = chunks[name] + 1
    end
    at = last + 1
end
for name, count in pairs(chunks) do
    redis.call('HSET', meta, name, string.format('%.0f', count))
end
for first = 8, 7 + fields, 4000 do
    redis.call('HSET', meta, unpack(ARGV, first, math.min(first + 3999, 7 + fields)))
end
return { 'done' }
