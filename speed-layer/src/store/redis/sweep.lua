#!lua flags=allow-oom
-- Allowed without memory, since it frees some. Deletes chunks that no reader can see, if the view
-- is still in the space that they were found
-- outside of, or below the first epoch of. In one space the first epoch only grows.
-- KEYS: meta, index, chunks.
-- ARGV: that space, or nothing when there is no view; the number of names, then the chunks' names;
-- then fields of meta that tell of them.
local space = ''
if redis.call('TYPE', KEYS[1])['ok'] == 'hash' then
    space = redis.call('HGET', KEYS[1], 'space') or ''
end
if space ~= ARGV[1] then
    return { 'moved' }
end
for i = 3, #KEYS do
    redis.call('UNLINK', KEYS[i])
end
local names = tonumber(ARGV[2])
if names > 0 then
    redis.call('ZREM', KEYS[2], unpack(ARGV, 3, 2 + names))
end
if #ARGV > 2 + names then
    redis.call('HDEL', KEYS[1], unpack(ARGV, 3 + names))
end
return { 'done' }
