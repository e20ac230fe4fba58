#!lua
-- Stores a change: groups, the index of their chunks, and the position, or nothing at all. Every
-- check comes before the first write. Without flags, Redis refuses the script as a whole when it is
-- out of memory, and lets it end once it has begun.
-- What it overwrites is kept for those who read what was there: a list with, for each change, its
-- serial, the number of its chunks, and of each chunk the name, the number of its groups, and these
-- as field and value, which is empty where there was no such group. What would make a flush's list
-- too large, or is known no more in the middle of one, is told by `forgotten` instead.
-- KEYS: meta, index, the list of what is overwritten, chunks.
-- ARGV: journal, definition, fence, space, serial, from, whole flushes before; milliseconds for
-- which the list of a flush is kept that is half-way, or nothing when this change ends it; the
-- number of fields and values for meta, and these; then for each chunk its epoch, its name, the
-- number of its groups, and these as field and value.
local meta, index, overwritten = KEYS[1], KEYS[2], KEYS[3]
local HEAD, FIRST_CHUNK = 9, 4
-- A list of at most SMALL bytes is kept for KEPT milliseconds, larger ones as much shorter, so that
-- all lists of a view together take about KEPT / 100 times SMALL when a flush ends every 100 ms.
local MOST, SMALL, KEPT, KEPT_LEAST = 32 * 1024 * 1024, 1024 * 1024, 10000, 1000
if redis.call('TYPE', meta)['ok'] ~= 'hash' then
    if redis.call('EXISTS', meta) == 1 then
        return { 'damaged', 'meta is not a hash' }
    end
    return { 'refused', {} }
end
local stored =
    redis.call('HMGET', meta, 'journal', 'fence', 'definition', 'space', 'serial', 'through',
        'flushes', 'stage', 'reach', 'overwritten_bytes')
if stored[1] == ARGV[1] and (tonumber(stored[2]) or 0) > tonumber(ARGV[3]) then
    return { 'fenced', stored[2] }
end
local follows = stored[1] == ARGV[1] and stored[3] == ARGV[2] and stored[4] == ARGV[4]
    and stored[5] == ARGV[5] and stored[6] == ARGV[6] and stored[7] == ARGV[7]
if not follows then
    return { 'refused', redis.call('HGETALL', meta) }
end
local kind = redis.call('TYPE', index)['ok']
if kind ~= 'zset' and kind ~= 'none' then
    return { 'damaged', 'index is not a sorted set' }
end
kind = redis.call('TYPE', overwritten)['ok']
if kind ~= 'list' and kind ~= 'none' then
    return { 'damaged', overwritten .. ' is not a list' }
end
local is_read = stored[8] == 'complete'
local is_half_way = stored[6] ~= stored[9]
local is_forgotten = is_half_way and kind == 'none'
local bytes = is_half_way and tonumber(stored[10]) or 0
local fields = tonumber(ARGV[HEAD])
local at = HEAD + 1 + fields
local chunks = {}
for i = FIRST_CHUNK, #KEYS do
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

local function keep(key, first, last)
    local names, pairs = {}, {}
    if bytes > MOST then
        return
    end
    for field = first, last, 2 do
        names[#names + 1] = ARGV[field]
    end
    for n, value in ipairs(redis.call('HMGET', key, unpack(names))) do
        pairs[2 * n - 1], pairs[2 * n] = names[n], value or ''
        bytes = bytes + #names[n] + #pairs[2 * n]
    end
    redis.call('RPUSH', overwritten, unpack(pairs))
end

if is_read then
    if is_forgotten then
        redis.call('RPUSH', overwritten, 'forgotten')
    end
    redis.call('RPUSH', overwritten, ARGV[5], #KEYS - FIRST_CHUNK + 1)
end
at = HEAD + 1 + fields
for i = FIRST_CHUNK, #KEYS do
    local epoch, member, groups = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
    local last = at + 2 + 2 * groups
    if is_read then
        redis.call('RPUSH', overwritten, member, groups)
        for first = at + 3, last, 4000 do
            keep(KEYS[i], first, math.min(first + 3999, last))
        end
    end
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
for first = HEAD + 1, HEAD + fields, 4000 do
    redis.call('HSET', meta, unpack(ARGV, first, math.min(first + 3999, HEAD + fields)))
end
if is_read then
    if bytes > MOST then
        redis.call('DEL', overwritten)
        redis.call('RPUSH', overwritten, 'forgotten')
    end
    local kept = tonumber(ARGV[8])
        or math.max(KEPT_LEAST, math.floor(KEPT * math.min(1, SMALL / math.max(bytes, 1))))
    redis.call('PEXPIRE', overwritten, kept)
    redis.call('HSET', meta, 'overwritten_bytes', string.format('%.0f', bytes))
end
return { 'done' }
