/**
 * The Lua that reads and writes an item as daprd does: a hash with `data`, with `version` (the etag, which counts up)
 * and, once a first-write was asked for, `first-write`. All operations of one call succeed, or none is done.
 */

/** Arguments of one operation, one after the other: see {@link operationArguments}. */
export const argumentsPerOperation = 5

export const script = `
local current = {}
local function version(key)
  if current[key] == nil then
    local found = redis.pcall('HGET', key, 'version')
    local wrongType = type(found) == 'table' and found.err ~= nil
    current[key] = { version = not wrongType and found or false, wrongType = wrongType,
      first = not wrongType and redis.call('HEXISTS', key, 'first-write') == 1 }
  end
  return current[key]
end
for index, key in ipairs(KEYS) do
  local at = (index - 1) * ${argumentsPerOperation}
  local operation, etag, firstWrite = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local item = version(key)
  local absent = not item.version or item.version == ''
  local matches = absent or item.version == etag
  if operation == 'set' then
    if not matches and (item.first or etag ~= '0') then
      return redis.error_reply('failed to set key ' .. key)
    end
    item.version = string.format('%.0f', (absent and 0 or tonumber(item.version)) + 1)
    item.first = item.first or firstWrite == '1'
  else
    if not matches and etag ~= '0' then
      return redis.error_reply('failed to delete ' .. key)
    end
    item.version = false
    item.first = false
  end
end
for index, key in ipairs(KEYS) do
  local at = (index - 1) * ${argumentsPerOperation}
  local operation, firstWrite, ttl, data = ARGV[at + 1], ARGV[at + 3], ARGV[at + 4], ARGV[at + 5]
  if operation == 'set' then
    if redis.call('TYPE', key).ok ~= 'hash' then
      redis.call('DEL', key)
    end
    redis.call('HSET', key, 'data', data)
    if firstWrite == '1' then
      redis.call('HSET', key, 'first-write', 0)
    end
    redis.call('HINCRBY', key, 'version', 1)
    if ttl ~= '' then
      if tonumber(ttl) > 0 then
        redis.call('EXPIRE', key, ttl)
      else
        redis.call('PERSIST', key)
      end
    end
  else
    redis.call('DEL', key)
  end
end
return #KEYS`

export type Operation =
  | {
      readonly kind: 'set'
      readonly key: string
      /** 0: whatever is there. */
      readonly etag: number
      readonly firstWrite: boolean
      /** Seconds; 0 and less: for ever; undefined: as it was. */
      readonly ttl: number | undefined
      readonly data: Uint8Array
    }
  | { readonly kind: 'delete'; readonly key: string; readonly etag: string }

export function operationArguments(operation: Operation): (string | Buffer)[] {
  if (operation.kind === 'delete') return ['delete', operation.etag, '', '', '']
  const { etag, firstWrite, ttl, data } = operation
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.length)
  return ['set', String(etag), firstWrite ? '1' : '0', ttl === undefined ? '' : String(ttl), bytes]
}
