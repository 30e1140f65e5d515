/**
 * Server-side request forgery: a server names addresses of the client's own network.
 */
import * as Answer from "../Answer.ts"
import * as Moves from "../internal/attacks/moves.ts"
import type { ServerAttack } from "../ServerAttack.ts"

const addresses: ReadonlyArray<readonly [what: string, origin: string]> = [
  ["the metadata service of a cloud", "https://169.254.169.254"],
  ["the metadata service of a cloud by plain http", "http://169.254.169.254"],
  ["a metadata service by its name", "https://metadata.google.internal"],
  ["a private address of 10.0.0.0/8", "https://10.0.0.1"],
  ["a private address of 172.16.0.0/12", "https://172.31.255.254"],
  ["a private address of 192.168.0.0/16", "https://192.168.1.1"],
  ["an address of carrier-grade NAT", "https://100.64.0.1"],
  ["a loopback address", "https://127.0.0.1:8443"],
  ["a loopback address by plain http", "http://127.0.0.1:8080"],
  ["a loopback address in short form", "https://127.1"],
  ["a loopback address as one decimal number", "https://2130706433"],
  ["a loopback address in hexadecimal", "https://0x7f000001"],
  ["a loopback address in octal", "https://0177.0.0.1"],
  ["a loopback address in full-width digits", "https://１２７.0.0.1"],
  ["the name localhost", "http://localhost:8080"],
  ["the name localhost with a dot at its end", "https://localhost."],
  ["a name below localhost", "https://admin.localhost"],
  ["the unspecified address", "https://0.0.0.0"],
  ["the unspecified address of IPv6", "https://[::]"],
  ["the loopback address of IPv6", "https://[::1]"],
  ["an IPv4 address mapped into IPv6", "https://[::ffff:169.254.169.254]"],
  ["an IPv4 address compatible with IPv6", "https://[::127.0.0.1]"],
  ["an IPv4 address translated into IPv6", "https://[64:ff9b::169.254.169.254]"],
  ["an IPv4 address in 6to4", "https://[2002:a00:1::]"],
  ["a link-local address of IPv6", "https://[fe80::1]"],
  ["a unique local address of IPv6", "https://[fd00::1]"],
  ["a name of a Kubernetes service", "https://vault.default.svc"],
  ["a name without a dot", "https://intranet"]
]

const byIssuer = addresses.map(([what, origin]): ServerAttack => ({
  name: `the MCP server names ${what} as its authorization server: ${origin}`,
  section: "RFC 9728 §7.7",
  issuer: "discover",
  prepare: Moves.resourceMetadata({ authorization_servers: [origin] }),
  onlyOrigins: Moves.trusted
}))

const places: ReadonlyArray<readonly [what: string, Pick<ServerAttack, "issuer" | "prepare">]> = [
  ["the address of its own metadata", {
    issuer: "discover",
    prepare: Moves.all(
      Moves.resourceMetadataAnswer(Answer.status(404)),
      Moves.serverAnswer(
        Moves.challenged(`Bearer resource_metadata="https://169.254.169.254/latest/meta-data"`),
        "all requests"
      )
    )
  }],
  ["the target of a redirect from its metadata", {
    issuer: "discover",
    prepare: Moves.resourceMetadataAnswer(Answer.redirect("https://169.254.169.254/latest/meta-data"))
  }],
  ["the target of a redirect from the authorization server's metadata", {
    prepare: Moves.issuerMetadataAnswer(Answer.redirect("https://169.254.169.254/latest/meta-data", 307))
  }],
  ["the token endpoint", { prepare: Moves.issuerMetadata({ token_endpoint: "https://10.0.0.1/token" }) }],
  ["the target of a redirect from the token endpoint", {
    prepare: Moves.tokenAnswer(Answer.redirect("https://10.0.0.1/token", 303))
  }]
]

const byPlace = places.map(([what, attack]): ServerAttack => ({
  name: `an internal address is ${what}`,
  section: "MCP Security Best Practices, Server-Side Request Forgery (SSRF)",
  onlyOrigins: Moves.trusted,
  ...attack
}))

/** @internal */
export const internalAddresses: ReadonlyArray<ServerAttack> = [...byIssuer, ...byPlace]
