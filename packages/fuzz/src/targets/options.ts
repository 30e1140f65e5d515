import * as AuthorizationServer from "@effect-mcp-auth/core/AuthorizationServer"
import * as InsecureHosts from "@effect-mcp-auth/core/authoring/InsecureHosts"
import * as SecureEndpoint from "@effect-mcp-auth/core/authoring/SecureEndpoint"
import * as TextOption from "@effect-mcp-auth/core/authoring/TextOption"
import * as ProtectedResource from "@effect-mcp-auth/core/ProtectedResource"
import * as ResourceIdentifier from "@effect-mcp-auth/core/ResourceIdentifier"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import { checkShown, isHttpsOrLoopback, right } from "../support.ts"
import type { Target } from "../Target.ts"
import { holds } from "../Target.ts"

const urls = [
  "https://mcp.example.com",
  "HTTPS://MCP.example.com:443/Mcp/?q=canary",
  "http://localhost:8080/mcp",
  "http://[::1]/",
  "http://127.1/",
  "https://user:canary-password@mcp.example.com/",
  "https://mcp.example.com/a/../b#canary",
  "https:mcp.example.com\\a",
  "https://xn--mnchen-3ya.example/%2e%2e/%7E",
  "localhost:8080",
  "http:http://user:s3cretZq91@mcp.example.com",
  "\"https://mcp.example.com\"",
  "http://[::ffff:10.0.0.1]/",
  "http://169.254.169.254/latest"
]

const dictionary = [
  "https://",
  "http://",
  "localhost",
  "127.0.0.1",
  "[::1]",
  "0x7f.1",
  "10.0.0.1",
  "%2e%2e",
  "//",
  "\\",
  "@",
  "#",
  "?",
  ":443",
  ":80",
  "/.well-known/"
]

export const resourceIdentifier: Target = {
  name: "resource-identifier",
  input: "the URL of a server, as a caller or as metadata writes it",
  seeds: urls,
  dictionary,
  run: (input) => {
    // What a caller mistypes may hold a password.
    const written = /^[^/]*:\/\/[^/:@]*:([^/@]{8,})@/.exec(input)?.[1]
    // The advice has this word.
    const password = written === undefined || "password".includes(written.toLowerCase()) ? [] : [written]
    const read = right(ResourceIdentifier.fromServerUrl(input), password)
    if (read === undefined) return
    const { resource, url } = read
    holds(isHttpsOrLoopback(url), "an accepted server is neither https nor on this machine")
    holds(!resource.includes("#") && url.username + url.password === "", "an identifier has a fragment or a user name")
    const again = Either.getOrUndefined(ResourceIdentifier.fromServerUrl(resource))
    holds(again?.resource === resource, "reading an identifier again changes it")
    // A question mark without a query is left out.
    const whole = url.search === "" ? url.href.replace(/\?$/, "") : url.href
    holds(new URL(resource).href === whole, "an identifier is another URL")
    for (const address of ProtectedResource.wellKnownUrls(url)) {
      holds(address.origin === url.origin, "a well-known address has another origin")
    }
  }
}

const SERVER = new URL("https://mcp.example.com/tenant/mcp?team=1")

export const resourceMatch: Target = {
  name: "resource-match",
  input: "the `resource` of a metadata document about https://mcp.example.com/tenant/mcp?team=1",
  seeds: [SERVER.href, "https://mcp.example.com", "https://mcp.example.com/tenant/", ...urls],
  dictionary: [...dictionary, "https://mcp.example.com", "/tenant", "/mcp", "?team=1", "..", "%2f", "%6d"],
  run: (input) => {
    const [parent, identical] = [
      ProtectedResource.covers(input, SERVER),
      ProtectedResource.covers(input, SERVER, "identical")
    ]
    holds(parent || !identical, "an identical resource does not cover the server")
    if (!parent) return
    const url = new URL(input)
    holds(url.origin === SERVER.origin, "a resource of another origin covers the server")
    holds(url.username + url.password + url.hash === "", "a resource with a user name or a fragment covers the server")
    holds(!/[^\x21-\x7e]/.test(input), "a resource with a character that no URL has covers the server")
    const path = url.pathname.replace(/\/$/, "")
    holds(`${SERVER.pathname}/`.startsWith(`${path}/`), "a resource that is no parent covers the server")
    holds(!identical || path === SERVER.pathname, "another resource is identical")
  }
}

export const issuer: Target = {
  name: "issuer",
  input: "an issuer or the address of an endpoint, as metadata writes it",
  seeds: urls,
  dictionary,
  run: (input) => {
    const url = AuthorizationServer.parseIssuer(input)
    if (url !== undefined) {
      holds(/^[\x21-\x7e]+$/.test(input), "an issuer has other characters than printable ASCII")
      holds(url.username + url.password + url.hash + url.search === "", "an issuer has a query, fragment or user name")
    }
    const namedBy = new URL("https://mcp.example.com")
    const checked = right(AuthorizationServer.checkIssuer(input, namedBy))
    if (checked !== undefined) {
      holds(SecureEndpoint.reach(checked) === "public", "a public server may name an issuer on a private address")
      holds(checked.protocol === "https:", "a public server may name an issuer over plain http")
      for (const address of AuthorizationServer.wellKnownUrls(checked)) {
        holds(address.origin === checked.origin, "a well-known address has another origin")
      }
    }
    const endpoint = AuthorizationServer.parseTokenEndpoint(input)
    holds(
      endpoint === undefined || endpoint.username + endpoint.password + endpoint.hash === "",
      "an endpoint has more"
    )
    const from = SecureEndpoint.fromText(input, { linkLocal: true })
    if (Either.isLeft(from)) checkShown("what is wrong with an address", from.left)
    else checkShown("the name of an address", SecureEndpoint.nameOf(from.right))
  }
}

/** What the check of a secret says, in lower case. */
const ADVICE = [undefined, "x", Redacted.make(""), Redacted.make("\n"), Redacted.make("\0"), Redacted.make("\ufeff")]
  .map((value) => Either.match(TextOption.checkSecret("clientSecret", value), { onLeft: String, onRight: String }))
  .join("\n").toLowerCase()

export const textOption: Target = {
  name: "text-option",
  input: "the text of an option",
  seeds: ["client", " client", "client\n", "\ufeffclient", "", "\ud800", "keycloak.svc", "*.example.com", ...urls],
  dictionary: ["\n", "\ufeff", "@", "canary", ...dictionary],
  run: (input) => {
    const text = right(TextOption.check("clientId", input))
    if (text !== undefined) {
      holds(text === input, "a check changes the text")
      holds(!/\p{Cc}/u.test(text) && text.trim() !== "" && text.isWellFormed(), "an unfit text passes the check")
    }
    // A text that stands in the advice itself is no secret there.
    const secrets = input.length >= 12 && !ADVICE.includes(input.toLowerCase()) ? [input] : []
    right(TextOption.checkSecret("clientSecret", Redacted.make(input)), secrets)
    right(TextOption.checkSecret("clientSecret", input), secrets)
    right(TextOption.checkOneOf("method", input, ["basic", "post"]))
    right(InsecureHosts.check([input]))
    checkShown("a quoted URL", TextOption.quoteUrl(input))
  }
}
