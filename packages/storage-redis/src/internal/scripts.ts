/**
 * The Lua scripts that Redis runs, each as one atomic step. All keys of a name contain the name in braces, so that a
 * cluster keeps them in one slot.
 *
 * @internal
 */
export interface Script {
  readonly lua: string
  readonly numberOfKeys: number
}

/**
 * The script, run in a db. It selects the db each time, so that it runs there or fails, on any connection.
 *
 * @internal
 */
export const inDb = (db: number, { lua }: Script): string => db === 0 ? lua : `redis.call("SELECT", "${db}")${lua}`

/**
 * The size of the largest record, in bytes. A longer value is no record of this package.
 *
 * @internal
 */
export const MAX_SIZE = 1024 * 1024

/** The position of the last digit of a fence that is read. A longer value is none of this package. */
const MAX_NUMBER = 19

/**
 * The text in place of a value that is longer than any record: such a value is neither loaded nor compared.
 *
 * @internal
 */
export const TOO_LONG = "too long"

/**
 * Reads a record, or as much of a longer value as shows that it is too long.
 *
 * Keys: the record. Returns an empty text if there is none.
 *
 * @internal
 */
export const get: Script = {
  numberOfKeys: 1,
  lua: `
return redis.call("GETRANGE", KEYS[1], 0, ${MAX_SIZE})
`
}

/**
 * Replaces a record, if Redis still holds the record that was read, and if the writer has not lost its lease since
 * then.
 *
 * Keys: the record, the fence. Arguments: the record that was read ("" for none, `TOO_LONG` for a longer value), the new
 * record ("" to remove it), the milliseconds to keep it, the writer's fencing token ("" if it holds no lease). Returns 1
 * after a replacement, 0 if Redis holds another record, -1 if a later holder has taken the lease.
 *
 * @internal
 */
export const replace: Script = {
  numberOfKeys: 2,
  lua: `
local fence = tonumber(ARGV[4])
if fence ~= nil and (tonumber(redis.call("GETRANGE", KEYS[2], 0, ${MAX_NUMBER})) or 0) > fence then return -1 end
local current = redis.call("GETRANGE", KEYS[1], 0, ${MAX_SIZE})
if #current > ${MAX_SIZE} then current = "${TOO_LONG}" end
if current ~= ARGV[1] then return 0 end
if ARGV[2] == "" then redis.call("DEL", KEYS[1]) else redis.call("SET", KEYS[1], ARGV[2], "PX", ARGV[3]) end
return 1
`
}

/**
 * Acquires the lease, or enters the line of its waiters. If the caller already holds the lease, as after a command that
 * was sent twice over a broken connection, the lease starts again. A lease without an expiry, which this package never
 * writes, gets one.
 *
 * Keys: the lease, the fence, the line. Arguments: the holder, the duration of the lease in milliseconds, the
 * milliseconds to remember the fence and the line. Returns the fencing token, from 1 and greater with each holder; or,
 * as a number of at most 0, the milliseconds until another holder's lease expires (see `decodeAcquired`).
 *
 * @internal
 */
export const acquire: Script = {
  numberOfKeys: 3,
  lua: `
if redis.call("GETRANGE", KEYS[1], 0, #ARGV[1]) == ARGV[1] then
  redis.call("PEXPIRE", KEYS[1], ARGV[2])
  return tonumber(redis.call("GETRANGE", KEYS[2], 0, ${MAX_NUMBER})) or 1
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
 * Decodes the reply of `acquire`: the fencing token, or the milliseconds until another holder's lease expires.
 *
 * @internal
 */
export const decodeAcquired = (answer: number): { readonly fence: number } | { readonly left: number } =>
  answer > 0 ? { fence: answer } : { left: -answer }

/**
 * Extends the lease, and the memory of its fence.
 *
 * Keys: the lease, the fence. Arguments: the holder, the duration of the lease in milliseconds, the milliseconds to
 * remember the fence. Returns 0 if the holder has lost the lease.
 *
 * @internal
 */
export const renew: Script = {
  numberOfKeys: 2,
  lua: `
if redis.call("GETRANGE", KEYS[1], 0, #ARGV[1]) ~= ARGV[1] then return 0 end
redis.call("PEXPIRE", KEYS[2], ARGV[3])
return redis.call("PEXPIRE", KEYS[1], ARGV[2])
`
}

/**
 * How many waiters that do not listen are dropped at once: Redis serves no one else while a script runs. Waiters behind
 * them still poll.
 */
const MAX_DROPPED = 1000

/**
 * Releases the lease if the caller holds it, and removes the caller from the line. If the lease is then free, wakes the
 * first waiter in line that receives the message, and drops those before it: a process that died in line does not
 * listen. In a cluster, a waiter that listens at another node is not counted either, so there the script wakes several.
 *
 * Keys: the lease, the line. Arguments: the holder, the prefix of the waiters' channels.
 *
 * @internal
 */
export const release: Script = {
  numberOfKeys: 2,
  lua: `
if redis.call("GETRANGE", KEYS[1], 0, #ARGV[1]) == ARGV[1] then redis.call("DEL", KEYS[1]) end
redis.call("ZREM", KEYS[2], ARGV[1])
if redis.call("EXISTS", KEYS[1]) == 1 then return 0 end
for _ = 1, ${MAX_DROPPED} do
  local first = redis.call("ZPOPMIN", KEYS[2])[1]
  if not first or redis.call("PUBLISH", ARGV[2] .. first, "") > 0 then break end
end
return 1
`
}
