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
  const refused = /\b(NOAUTH|WRONGPASS|NOPERM)\b|invalid (username-)?password/i.exec(text)?.[0]
  if (refused !== undefined) {
    const description = refused === "NOAUTH"
      ? "Redis wants a password (NOAUTH). Write it in the URL, redis://:password@host:6379, or in `redis.password`."
      : refused === "NOPERM"
      ? `Redis does not let this user do it (NOPERM): ${text}`
      : "Redis does not take the password (WRONGPASS). Correct it in the URL, or in `redis.password`."
    return new TokenStorageError({ operation, reason: "Refused", description })
  }
  const advice = advices.find(([said]) => said.test(text))?.[1] ??
    (unreached !== undefined && !/ECONNREFUSED|ENOTFOUND/.test(text) ? tlsAdvice[unreached] : undefined)
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
  const line = error.message.split("\n", 1)[0]?.replace(/,? with args beginning with:.*/, "") || error.name
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
