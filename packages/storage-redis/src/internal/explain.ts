import { TokenStorageError } from "@effect-mcp-auth/core/OAuthError"

/** The client's own words about a broken connection; why it broke is what helps. */
const broke =
  /^(Reached the max retries|Connection is closed|Failed to refresh slots|None of startup|Too many Cluster redirections.*(MOVED|ASK|Connection is closed))/

const advices: ReadonlyArray<readonly [said: RegExp, advice: string]> = [
  [
    /^(MOVED|ASK) /,
    "It is a node of a cluster: give `url` in an array, even if it is the only one, and the others are found."
  ],
  [/cluster support disabled/, "It is no cluster: give its one `url` without an array, and no `cluster`."],
  [/READONLY/, "It is a replica: give the URL of the primary."],
  [/DB index/, "Give a db that it has (`databases` in its configuration), or none and a `prefix` of your own."],
  [/SELECT is not allowed/, "A cluster has no db but 0. Name none; what is to be apart has a `prefix` of its own."],
  [/OOM/, "Its memory is full: raise its `maxmemory`, or let it evict keys (`maxmemory-policy`)."],
  [/MISCONF/, "It takes no writes while it cannot save: see its log, and whether its disk is full."],
  [/NOREPLICAS/, "It takes no writes without its replicas: see that they run, or set `min-replicas-to-write`."],
  [/WRONGTYPE/, "Something else than ours is under `prefix`: give another."],
  [/ECONNREFUSED|ENOTFOUND/, "Correct `url`, if it is not where Redis is; else see that Redis runs."],
  [
    /certificate/,
    "If it is right, give the certificate of its authority as `redis: { tls: { ca } }`, " +
    "and connect by a name that is in it, or give that as `redis.tls.servername`."
  ]
]

/** A TLS that only one of the two speaks ends in silence, or without a word about it. */
const tlsAdvice = { plain: "If it speaks TLS, write rediss://.", tls: "If it does not speak TLS, write redis://." }

/**
 * What went wrong, in words that say what to do. Without the error as a cause, which is nothing but its message once the
 * command is gone.
 *
 * `broken`: why the connection broke last. `unreached`: how it was tried, if it has never come about.
 *
 * @internal
 */
export const explain = (
  operation: TokenStorageError["operation"],
  error: unknown,
  broken: unknown,
  unreached: "plain" | "tls" | undefined
): TokenStorageError => {
  const said = messageOf(error)
  const text = broken !== undefined && broke.test(said) ? messageOf(broken) : said
  const refused = /\b(NOAUTH|WRONGPASS|NOPERM)\b|invalid (username-)?password|can't run this command/i.exec(text)?.[0]
  if (refused !== undefined) {
    const description = refused === "NOAUTH"
      ? "Redis wants a password (NOAUTH). Write it in the URL, redis://:password@host:6379, or in `redis.password`."
      // Redis 7.0 says it without the code, of what a script does.
      : refused === "NOPERM" || refused === "can't run this command"
      ? `Redis does not let this user do it (NOPERM): ${text}`
      : "Redis does not take the password (WRONGPASS). Correct it in the URL, or in `redis.password`."
    return new TokenStorageError({ operation, reason: "Refused", description })
  }
  const advice = advices.find(([said]) => said.test(text))?.[1] ??
    (unreached === undefined ? undefined : tlsAdvice[unreached])
  return new TokenStorageError({
    operation,
    description: `Redis failed: ${advice === undefined ? text : `${text.replace(/\.$/, "")}. ${advice}`}`
  })
}

/**
 * @internal
 */
export const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  // A cluster says that it has failed, and beside it why.
  const within: unknown = "lastNodeError" in error
    ? error.lastNodeError
    // A name with several addresses, none of which answered.
    : error instanceof AggregateError && error.message === ""
    ? error.errors[0]
    : undefined
  if (within instanceof Error) return messageOf(within)
  // An unknown command is repeated with what may be a password.
  const line = error.message.split("\n", 1)[0]
    ?.replace(/,? with args beginning with:.*/, "")
    // Where in a script of ours is nothing to its reader.
    .replace(/ script: \w+, on @user_script:\d+\.$/, "") || error.name
  return line.length > 200 ? `${line.slice(0, 200)}…` : line
}

/**
 * Takes the command out of an error of the client, and so a password or a record.
 *
 * @internal
 */
export const forget = (error: unknown): void => {
  if (error instanceof Error) Reflect.deleteProperty(error, "command")
}
