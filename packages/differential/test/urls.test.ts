import * as AuthorizationServer from "@effect-mcp-auth/core/AuthorizationServer"
import * as ProtectedResource from "@effect-mcp-auth/core/ProtectedResource"
import * as ResourceIdentifier from "@effect-mcp-auth/core/ResourceIdentifier"
import {
  buildDiscoveryUrls,
  checkResourceAllowed,
  discoverOAuthProtectedResourceMetadata,
  resourceUrlFromServerUrl
} from "@modelcontextprotocol/client"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Oauth from "oauth4webapi"
import { REFUSED } from "../src/comparison.ts"
import { compared } from "./support.ts"

const host = FastCheck.constantFrom(
  "auth.example.com",
  "Auth.Example.COM",
  "a.example:8443",
  "a.example:443",
  "münchen.example"
)

const segment = FastCheck.constantFrom("tenant", "a", "mcp", "%7Euser", "a b", "..", "", ".well-known")

const path = FastCheck.tuple(FastCheck.array(segment, { maxLength: 3 }), FastCheck.constantFrom("", "/"))
  .map(([segments, end]) => segments.map((one) => `/${one}`).join("") + end)

const url = FastCheck.tuple(host, path).map(([host, path]) => `https://${host}${path}`)

const twoSlashes = (text: string) => new URL(text).pathname.includes("//")

compared("the well-known addresses of an issuer, beside the SDK", {
  inputs: url,
  examples: [
    "https://auth.example.com//evil.example/tenant",
    "https://auth.example.com",
    "https://auth.example.com/t/"
  ],
  ours: (issuer) => AuthorizationServer.wellKnownUrls(new URL(issuer)).map(({ href }) => href),
  theirs: (issuer) => buildDiscoveryUrls(issuer).map(({ url }) => url.href),
  rules: [{
    name: "a path that begins with two slashes leads to no other host",
    reason: "The SDK resolves the path against the origin, where a path that begins with `//` names another host " +
      "(RFC 3986 §4.2). RFC 8414 §3 puts the well-known path before the path of the issuer.",
    applies: (issuer, ours) =>
      new URL(issuer).pathname.startsWith("//") && ours !== REFUSED &&
      ours.every((one) => new URL(one).origin === new URL(issuer).origin)
  }]
})

compared("the well-known addresses of an issuer, beside oauth4webapi", {
  inputs: url,
  examples: ["https://auth.example.com//a//b", "https://auth.example.com/t/", "https://auth.example.com/a//"],
  ours: (issuer) => {
    const urls = AuthorizationServer.wellKnownUrls(new URL(issuer)).map(({ href }) => href)
    return [urls[0], urls.at(-1)]
  },
  theirs: async (issuer) => {
    const asked: Array<string> = []
    const options = {
      [Oauth.customFetch]: (url: string) => {
        asked.push(url)
        return Promise.resolve(new Response())
      }
    }
    await Oauth.discoveryRequest(new URL(issuer), { ...options, algorithm: "oauth2" })
    await Oauth.discoveryRequest(new URL(issuer), { ...options, algorithm: "oidc" })
    return asked
  },
  rules: [{
    name: "two slashes of an issuer stay two",
    reason: "oauth4webapi makes one slash of the first two. An issuer is compared character by character " +
      "(RFC 8414 §3.3), so that the address keeps every character of its path.",
    applies: twoSlashes
  }]
})

/** The addresses that the SDK requests, if none has a document. */
const askedBySdk = async (server: string): Promise<ReadonlyArray<string>> => {
  const asked: Array<string> = []
  await discoverOAuthProtectedResourceMetadata(server, {}, (url) => {
    asked.push(new URL(url).href)
    return Promise.resolve(new Response("", { status: 404 }))
  }).catch(() => {})
  return asked
}

const server = FastCheck.tuple(url, FastCheck.constantFrom("", "?team=1")).map(([url, query]) => url + query)

compared("the well-known addresses of a server's metadata, beside the SDK", {
  inputs: server,
  examples: [
    "https://mcp.example.com/mcp/",
    "https://mcp.example.com?team=1",
    "https://mcp.example.com//evil.example/"
  ],
  ours: (server) => ProtectedResource.wellKnownUrls(new URL(server)).map(({ href }) => href),
  theirs: askedBySdk,
  rules: [
    {
      name: "a path with a slash at its end is also asked for with it",
      reason:
        "RFC 9728 §3.1 inserts the well-known path before the path as it is; only the slash of a bare origin is " +
        "removed. The address without the slash follows, which is the only one that the SDK asks for.",
      applies: (server, ours, theirs) =>
        new URL(server).pathname !== "/" && new URL(server).pathname.endsWith("/") && ours !== REFUSED &&
        theirs !== REFUSED && theirs.every((one) => ours.includes(one))
    },
    {
      name: "a bare origin with a query is also asked for without it",
      reason:
        "The document at the root is the last one that is tried for every server (MCP authorization, \"Protected " +
        "Resource Metadata Discovery Requirements\"). The SDK has no fallback for a server without a path.",
      applies: (server, ours, theirs) =>
        new URL(server).pathname === "/" && new URL(server).search !== "" && ours !== REFUSED &&
        theirs !== REFUSED && ours.length === 2 && ours[0] === theirs[0]
    }
  ]
})

compared("the first well-known address of a server's metadata, beside oauth4webapi", {
  inputs: server,
  examples: ["https://mcp.example.com/mcp/", "https://mcp.example.com?team=1", "https://mcp.example.com//a"],
  ours: (server) => ProtectedResource.wellKnownUrls(new URL(server))[0]?.href,
  theirs: async (server) => {
    let asked = ""
    await Oauth.resourceDiscoveryRequest(new URL(server), {
      [Oauth.customFetch]: (url) => {
        asked = url
        return Promise.resolve(new Response())
      }
    })
    return asked
  },
  rules: []
})

const resource = FastCheck.tuple(
  FastCheck.constantFrom(
    "https://mcp.example.com",
    "https://MCP.example.com:443",
    "https://other.example",
    "http://mcp.example.com"
  ),
  path,
  FastCheck.constantFrom("", "", "", "?team=1", "?team=2", "#a", "?")
).map((parts) => parts.join(""))

const pair = FastCheck.record({
  resource: FastCheck.oneof(
    resource,
    FastCheck.constantFrom("https://user:pw@mcp.example.com/", "mcp", "https://mcp.example.com/a\n")
  ),
  server: FastCheck.tuple(path, FastCheck.constantFrom("", "", "?team=1")).map(([path, query]) =>
    `https://mcp.example.com${path}${query}`
  )
})

/** Whether the parser of URLs changes a text in a way that others may not. */
const isRewritten = (resource: string): boolean => {
  const written = /^[^/]*\/\/[^/?#]*([^?#]*)/.exec(resource)?.[1] ?? ""
  return /[^\w!$%&'()*+,\-./:;=?@[\]~]/.test(resource) || (written || "/") !== new URL(resource).pathname
}

compared("whether a resource covers a server, beside the SDK", {
  inputs: pair,
  examples: [
    { resource: "https://mcp.example.com/mcp/", server: "https://mcp.example.com/mcp" },
    { resource: "https://mcp.example.com/?team=1", server: "https://mcp.example.com/mcp" },
    { resource: "https://mcp.example.com/#a", server: "https://mcp.example.com/" },
    { resource: "https://user:pw@mcp.example.com/", server: "https://mcp.example.com/" },
    { resource: "https://mcp.example.com/a/..", server: "https://mcp.example.com/b" },
    { resource: "mcp", server: "https://mcp.example.com/b" }
  ],
  ours: ({ resource, server }) => ProtectedResource.covers(resource, new URL(server)),
  theirs: ({ resource, server }) =>
    checkResourceAllowed({ requestedResource: new URL(server), configuredResource: resource }),
  rules: [
    {
      name: "a text that is no URL covers nothing",
      reason: "The SDK throws. A document with such a `resource` is a miss, and the search goes on.",
      applies: (_, ours, theirs) => ours === false && theirs === REFUSED
    },
    {
      name: "a slash at the end of the resource makes no difference",
      reason: "Servers name themselves with and without it. The SDK tolerates the slash on the server's side only.",
      applies: ({ resource, server }, ours, theirs) =>
        ours === true && theirs === false && new URL(resource).pathname === `${new URL(server).pathname}/`
    },
    {
      name: "a resource with a user name or a fragment covers nothing",
      reason:
        "A resource identifier has no fragment (RFC 8707 §2, RFC 9728 §1.2), and a user name leads a reader astray.",
      applies: ({ resource }, ours) => ours === false && /[#@]/.test(resource)
    },
    {
      name: "a resource with a query covers only a server with the same query",
      reason: "A query tells resources apart (RFC 9728 §3.1). The SDK ignores it.",
      applies: ({ resource }, ours, theirs) => ours === false && theirs === true && new URL(resource).search !== ""
    },
    {
      name: "a resource that the parser of URLs rewrites covers nothing",
      reason:
        "Dot segments and characters that no URL may hold are read in other ways by other parsers (RFC 3986 §5.2.4).",
      applies: ({ resource }, ours, theirs) => ours === false && theirs === true && isRewritten(resource)
    }
  ]
})

compared("the resource identifier of a server, beside the SDK", {
  inputs: FastCheck.tuple(url, FastCheck.constantFrom("", "?a=1", "#f")).map(([url, end]) => url + end),
  examples: [
    "https://mcp.example.com",
    "https://mcp.example.com/#a",
    "https://mcp.example.com?a=1",
    "http://mcp.example.com/"
  ],
  ours: (server): string | undefined => Either.getOrUndefined(ResourceIdentifier.fromServerUrl(server))?.resource,
  theirs: (server) => resourceUrlFromServerUrl(server).href,
  rules: [
    {
      name: "a bare origin gets no slash",
      reason: "MCP authorization, \"Canonical Server URI\": implementations use the form without a trailing slash. " +
        "Microsoft Entra ID refuses the slash.",
      applies: (server, ours, theirs) =>
        !/^https?:\/\/[^/?#]*\//.test(server) && ours !== REFUSED && new URL(ours).href === theirs
    },
    {
      name: "a server with a fragment is refused",
      reason:
        "The SDK removes the fragment. A fragment in the configuration is a mistake (RFC 8707 §2), which the error names.",
      applies: (server, ours) => ours === REFUSED && server.includes("#")
    },
    {
      name: "a server over plain http is refused",
      reason: "The token would travel unprotected (RFC 6750 §5.2). Only hosts of this machine may have plain http.",
      applies: (server, ours) => ours === REFUSED && server.startsWith("http:")
    }
  ]
})
