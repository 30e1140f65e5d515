import { clean } from "@effect-mcp-auth/core/authoring/CleanText"
import { TokenStorageError } from "@effect-mcp-auth/core/OAuthError"
import { onlyDb0 } from "./address.ts"

/** Whether ioredis says that the connection broke. The reason why the connection broke is more useful. */
const saysBroken = (said: string): boolean =>
  /^(Reached the max retries|Connection is closed|Failed to refresh slots|None of startup)/.test(said) ||
  (said.startsWith("Too many Cluster redirections") && /MOVED|ASK|Connection is closed/.test(said))

const advices: ReadonlyArray<readonly [said: RegExp, advice: string]> = [
  [
    /^(MOVED|ASK) /,
    "This Redis is a node of a cluster: give `url` as an array, even of one URL. The other nodes are found."
  ],
  [/cluster support disabled/, "This Redis is not a cluster: give `url` without an array, and no `cluster`."],
  [/READONLY/, "This Redis is a replica: give the URL of the primary."],
  [/DB index/, "Name a db that this Redis has (`databases` in its configuration), or no db and your own `prefix`."],
  [/SELECT is not allowed/, onlyDb0],
  [/OOM/, "The memory of Redis is full: raise `maxmemory`, or let Redis evict keys (`maxmemory-policy`)."],
  [/MISCONF/, "Redis refuses writes while it cannot save: check its log, and whether its disk is full."],
  [/NOREPLICAS/, "Redis refuses writes without its replicas: start them, or change `min-replicas-to-write`."],
  [/WRONGTYPE/, "Another program uses keys under this `prefix`: choose another `prefix`."],
  [/ECONNREFUSED|ENOTFOUND/, "Check that `url` is right and that Redis runs."],
  [
    /certificate/,
    "If the certificate is right, give the certificate of its authority as `redis: { tls: { ca } }`, " +
    "and connect by a name that the certificate contains, or give that name as `redis.tls.servername`."
  ]
]

/** If only one side speaks TLS, the connection ends without an error that mentions TLS. */
const tlsAdvice = {
  plain: "If this Redis speaks TLS, write rediss://.",
  tls: "If this Redis does not speak TLS, write redis://."
}

/**
 * A `TokenStorageError` that says what went wrong and what to do. The client's error is not attached as the cause:
 * without its command it contains nothing but the message.
 *
 * `broken` is the last reason why the connection broke. `unreached` is the kind of connection that was tried, if no
 * connection was ever made. `secrets` are the passwords of the connection, which a Redis or a proxy may repeat.
 *
 * @internal
 */
export const explain = (
  operation: TokenStorageError["operation"],
  error: unknown,
  broken: unknown,
  unreached: "plain" | "tls" | undefined,
  secrets: Iterable<string> = []
): TokenStorageError => {
  forgetCommand(error)
  const said = messageOf(error, secrets)
  const text = broken !== undefined && saysBroken(said) ? messageOf(broken, secrets) : said
  const refused = /\b(NOAUTH|WRONGPASS|NOPERM)\b|invalid (username-)?password|can't run this command/i.exec(text)?.[0]
  if (refused !== undefined) {
    const description = refused === "NOAUTH"
      ? "Redis requires a password (NOAUTH). Write it in the URL, redis://:password@host:6379, or in `redis.password`."
      // Redis 7.0 leaves out the code NOPERM if a script runs the command.
      : refused === "NOPERM" || refused === "can't run this command"
      ? `Redis denies this user a command (NOPERM): ${text}`
      : "Redis rejects the password (WRONGPASS). Correct it in the URL, or in `redis.password`."
    return new TokenStorageError({ operation, reason: "Refused", description })
  }
  const advice = advices.find(([said]) => said.test(text))?.[1] ??
    (unreached === undefined ? undefined : tlsAdvice[unreached])
  return new TokenStorageError({
    operation,
    description: `Redis failed: ${advice === undefined ? text : `${text.replace(/\.$/, "")}. ${advice}`}`
  })
}

/** How many errors within each other are opened. */
const MAX_DEPTH = 8

/**
 * The message of an error of the client, in one line of at most 200 characters, without control characters, the
 * arguments of its command and the given secrets.
 *
 * @internal
 */
export const messageOf = (error: unknown, secrets: Iterable<string> = [], depth: number = MAX_DEPTH): string => {
  if (!(error instanceof Error)) return clean(typeof error === "string" ? error : "unknown error", secrets)
  const within: unknown = "lastNodeError" in error
    // The reason why a cluster failed.
    ? error.lastNodeError
    // A host name with several addresses, none of which answered.
    : error instanceof AggregateError && error.message === ""
    ? error.errors[0]
    : undefined
  if (within instanceof Error && depth > 0) return messageOf(within, secrets, depth - 1)
  const line = error.message.split(/[\r\n]/, 1)[0]
    // Redis repeats the arguments of a command that it does not know, and an argument of AUTH is a password.
    ?.replace(/,? with args beginning with:.*/, "")
    // The position in a script of this package does not help its user.
    .replace(/ script: \w+, on @user_script:\d+\.$/, "")
  return clean(line || error.name, secrets)
}

/**
 * Removes the command from an error of the client: its arguments may be a password or a record.
 *
 * @internal
 */
export const forgetCommand = (error: unknown): void => {
  if (error instanceof Error) Reflect.deleteProperty(error, "command")
}
