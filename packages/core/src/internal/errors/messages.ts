import { quote } from "../text/clean.ts"
import { shown } from "../text/resource.ts"

const quoteSome = (texts: ReadonlyArray<string>): string =>
  texts.length === 0 ? "none" : `${texts.slice(0, 3).map(quote).join(", ")}${texts.length > 3 ? ", …" : ""}`

/** @internal */
export const issuerMismatch = (
  error: {
    readonly reason: "Metadata" | "NotListed" | "Changed"
    readonly expected: string
    readonly actual: ReadonlyArray<string>
    readonly url: string
  }
): string => {
  const [url, expected, actual] = [shown(error.url), quote(error.expected), quoteSome(error.actual)]
  switch (error.reason) {
    case "Metadata":
      return `${url} is the metadata of issuer ${actual}, but issuer ${expected} was asked for (RFC 8414 §3.3). ` +
        `Set \`issuer\` to exactly what the authorization server calls itself, or give its metadata.`
    case "NotListed":
      return `${url} lists the authorization servers ${actual}, and not ${expected}, which is pinned as \`issuer\`. ` +
        `No credential was sent. Correct \`issuer\`, or ask the server's operator.`
    case "Changed":
      return `${url} now names the authorization server ${actual} in place of ${expected}. ` +
        `No credential was sent there. If the change is right, pin \`issuer\`; a client with a key may also set ` +
        `\`authorizationServerChange: "follow"\`.`
  }
}

/** @internal */
export const resourceMismatch = (
  error: {
    readonly expected: string
    readonly actual: string
    readonly url: string
    readonly match?: "parent" | "identical" | undefined
  }
): string => {
  const [relation, advice] = error.match === "identical"
    ? ["is not", "Use the server URL that its operator publishes, or allow a parent with `resourceMatch: \"parent\"`."]
    : ["does not cover", "Use the server URL that its operator publishes."]
  return `${shown(error.url)} describes the resource "${shown(error.actual)}", which ${relation} ` +
    `"${shown(error.expected)}" (RFC 9728 §3.3). No token was requested. ${advice}`
}

/** @internal */
export const insecureEndpoint = (
  error: {
    readonly reason: "NotHttps" | "PrivateAddress"
    readonly endpoint: string
    readonly url: string
    readonly namedBy?: string | undefined
  }
): string => {
  const named = error.namedBy === undefined ? "" : `, named by ${error.namedBy},`
  return error.reason === "NotHttps"
    ? `The ${error.endpoint} ${quote(error.url)}${named} is not https. Nothing was sent. Use https; ` +
      `plain http is for loopback hosts and those in \`insecureHosts\` only.`
    : `The ${error.endpoint} ${quote(error.url)}${named} is on a private address that a public host must not name. ` +
      `Nothing was sent. If it is right, pin \`issuer\` or give \`tokenEndpoint\` yourself.`
}
