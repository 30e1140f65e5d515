/**
 * A step that Redis takes as one. All keys of a name hold it in braces, so that a cluster has them in one slot.
 *
 * @internal
 */
export interface Script {
  readonly lua: string
  readonly numberOfKeys: number
}

/**
 * What the script is in that db. It selects it each time, so that it is carried out there or not at all, on whichever
 * connection.
 *
 * @internal
 */
export const inDb = (db: number, { lua }: Script): string => db === 0 ? lua : `redis.call("SELECT", "${db}")${lua}`

/**
 * Reads a record. Keys: the record.
 *
 * @internal
 */
export const get: Script = {
  numberOfKeys: 1,
  lua: `
return redis.call("GET", KEYS[1])
`
}

/**
 * Puts a record in the place of another, if that one is still there, and the writer has not lost its lease meanwhile.
 *
 * Keys: the record, the fence. Arguments: the record that was read ("" for none), the new one ("" to remove it), for how
 * long to keep it in milliseconds, the writer's fencing token ("" if it holds no lease). Gives 1 if it was done, 0 if
 * another record is there, -1 if a later holder has taken the lease.
 *
 * @internal
 */
export const replace: Script = {
  numberOfKeys: 2,
  lua: `
local fence = tonumber(ARGV[4])
if fence ~= nil and (tonumber(redis.call("GET", KEYS[2])) or 0) > fence then return -1 end
if (redis.call("GET", KEYS[1]) or "") ~= ARGV[1] then return 0 end
if ARGV[2] == "" then redis.call("DEL", KEYS[1]) else redis.call("SET", KEYS[1], ARGV[2], "PX", ARGV[3]) end
return 1
`
}

/**
 * Takes the lease, or gets in line for it. For who has it already, as after a command that was sent twice over a broken
 * connection, it begins anew. One without an end, which nobody here wrote, is given one.
 *
 * Keys: the lease, the fence, the line. Arguments: the holder, for how long in milliseconds, how long to remember the
 * fence and the line in milliseconds. Gives the fencing token, from 1 and more with each holder; or the milliseconds until
 * the lease of another ends, below 0 or 0 (see `decodeAcquired`).
 *
 * @internal
 */
export const acquire: Script = {
  numberOfKeys: 3,
  lua: `
if redis.call("GET", KEYS[1]) == ARGV[1] then
  redis.call("PEXPIRE", KEYS[1], ARGV[2])
  return tonumber(redis.call("GET", KEYS[2])) or 1
end
if redis.call("SET", KEYS[1], ARGV[1], "NX", "PX", ARGV[2]) then
  redis.call("ZREM", KEYS[3], ARGV[1])
  local fence = redis.call("INCR", KEYS[2])
  redis.call("PEXPIRE", KEYS[2], ARGV[3])
  return fence
end
local time = redis.call("TIME")
redis.call("ZADD", KEYS[3], "NX", time[1] * 1000000 + time[2], ARGV[1])
redis.call("PEXPIRE", KEYS[3], ARGV[3])
local left = redis.call("PTTL", KEYS[1])
if left < 0 then
  redis.call("PEXPIRE", KEYS[1], ARGV[2])
  left = tonumber(ARGV[2])
end
return -left
`
}

/**
 * What `acquire` gives: the fencing token, or the milliseconds until the lease of another ends.
 *
 * @internal
 */
export const decodeAcquired = (answer: number): { readonly fence: number } | { readonly left: number } =>
  answer > 0 ? { fence: answer } : { left: -answer }

/**
 * Keeps the lease, and its fence in memory. Keys: the lease, the fence. Arguments: the holder, for how long in
 * milliseconds, how long to remember the fence in milliseconds. Gives 0 if the lease was lost.
 *
 * @internal
 */
export const renew: Script = {
  numberOfKeys: 2,
  lua: `
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
redis.call("PEXPIRE", KEYS[2], ARGV[3])
return redis.call("PEXPIRE", KEYS[1], ARGV[2])
`
}

/**
 * Ends the lease, if it is still the holder's, or leaves the line; and if the lease is free then, wakes the first in line
 * whom the message reaches: whoever died in line is not listening. In a cluster, neither is who listens at another node,
 * so that a few are woken there.
 *
 * Keys: the lease, the line. Arguments: the holder, what the channels of the waiters begin with.
 *
 * @internal
 */
export const release: Script = {
  numberOfKeys: 2,
  lua: `
if redis.call("GET", KEYS[1]) == ARGV[1] then redis.call("DEL", KEYS[1]) end
redis.call("ZREM", KEYS[2], ARGV[1])
if redis.call("EXISTS", KEYS[1]) == 1 then return 0 end
repeat
  local first = redis.call("ZPOPMIN", KEYS[2])[1]
until not first or redis.call("PUBLISH", ARGV[2] .. first, "") > 0
return 1
`
}
