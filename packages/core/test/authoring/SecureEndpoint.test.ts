import { describe, expect, it } from "@effect/vitest"
import { Either } from "effect"
import { check, fromText, nameOf, parse, reach } from "../../src/authoring/SecureEndpoint.ts"

describe("reach: the reach of a host, by its name", () => {
  it.each([
    "https://mcp.example.com",
    "https://8.8.8.8",
    "https://172.15.0.1",
    "https://172.32.0.1",
    "https://192.169.0.1",
    "https://100.63.255.255",
    "https://100.128.0.1",
    "https://169.253.0.1",
    "https://11.0.0.1",
    "https://126.255.255.255",
    "https://223.255.255.255",
    "https://8.20.0.1",
    "https://8.100.0.1",
    "https://8.254.0.1",
    "https://8.18.0.1",
    "https://198.20.0.1",
    "https://192.0.1.1",
    "https://[2606:4700::1111]",
    "https://[2606:4700:1:2:3:4:5:6]",
    // They look like an IPv4 address in an IPv6 one, and begin otherwise.
    "https://[2606:4700::ffff:10.0.0.1]",
    "https://[64:1::10.0.0.1]",
    "https://[2606:ff9b::10.0.0.1]",
    "https://[::ffff:8.8.8.8]",
    "https://[64:ff9b::8.8.8.8]",
    "https://internal.example.com",
    "https://localhost.example.com",
    "https://notlocalhost.com",
    "https://local.example",
    "https://10.example.com"
  ])("%s is public", (url) => {
    expect(reach(new URL(url))).toBe("public")
  })

  it.each([
    "https://10.0.0.1",
    "https://10.255.255.255",
    "https://172.16.0.1",
    "https://172.31.255.255",
    "https://192.168.1.1",
    "https://169.254.169.254",
    "https://100.64.0.1",
    "https://100.127.255.255",
    "https://0.0.0.0",
    "https://0",
    "https://224.0.0.1",
    "https://255.255.255.255",
    // Other spellings of 10.0.0.1 and of 169.254.169.254.
    "https://167772161",
    "https://0xa000001",
    "https://0xa.0x0.0x0.0x1",
    "https://012.0.0.1",
    "https://10.1",
    "https://2852039166",
    "https://0xA9FEA9FE",
    "https://0251.0376.0251.0376",
    "https://169.254.43518",
    "https://10.0.0.1.",
    "https://１０.0.0.1",
    "https://%31%30.0.0.1",
    "https://[::ffff:10.0.0.1]",
    "https://[::FFFF:a9fe:a9fe]",
    "https://[0:0:0:0:0:ffff:10.0.0.1]",
    "https://[64:ff9b::10.0.0.1]",
    "https://[::ffff:0.0.0.1]",
    "https://[::]",
    "https://[::10.0.0.1]",
    "https://[::127.0.0.1]",
    // IPv4-translated addresses (RFC 2765 §2.1), and others of the reserved 0000::/8 (RFC 4291 §2.4).
    "https://[::ffff:0:127.0.0.1]",
    "https://[::ffff:0:10.0.0.1]",
    "https://[0:1::1]",
    // Translated elsewhere (RFC 6052, RFC 3056): not this machine's loopback, so plain http would leave it.
    "https://[64:ff9b::127.0.0.1]",
    "https://[2002:7f00:1::1]",
    "https://[fc00::1]",
    "https://[fd00:1:2:3:4:5:6:7]",
    "https://[64:ff9b:1::8.8.8.8]",
    "https://[fd00:ec2::254]",
    "https://[fe80::1]",
    "https://[febf::1]",
    "https://[ff02::1]",
    "https://auth",
    "https://auth.",
    "https://AUTH",
    "https://printer.local",
    "https://printer.LOCAL.",
    "https://metadata.google.internal",
    "https://metadata.google.internal.",
    "https://nas.home.arpa"
  ])("%s is private", (url) => {
    expect(reach(new URL(url))).toBe("private")
  })

  it.each([
    "http://127.0.0.1",
    "http://127.255.255.254",
    "http://127.1",
    "http://2130706433",
    "http://0x7f000001",
    "http://0177.0.0.1",
    "http://127.0.0.1.",
    "http://[::1]",
    "http://[0:0:0:0:0:0:0:1]",
    "http://[::ffff:127.0.0.1]",
    "http://[::ffff:7f00:1]",
    "http://localhost",
    "http://LOCALHOST",
    "http://localhost.",
    "http://api.localhost",
    "http://api.localhost."
  ])("%s is loopback", (url) => {
    expect(reach(new URL(url))).toBe("loopback")
  })
})

describe("reach: addresses that are not globally reachable (RFC 6890), or lead to one", () => {
  it.each([
    "https://192.0.0.1",
    "https://198.18.0.1",
    "https://198.19.255.255",
    "https://[fec0::1]",
    "https://[64:ff9b:1::10.0.0.1]",
    "https://[2002:a00:1::]",
    "https://[2002:7f00:1::1]",
    "https://localhost.localdomain"
  ])("%s is not public", (url) => {
    expect(reach(new URL(url))).not.toBe("public")
  })
})

describe("check", () => {
  const outcome = (url: string, namedBy?: string) =>
    Either.match(check(new URL(url), "issuer", namedBy === undefined ? undefined : new URL(namedBy)), {
      onLeft: ({ reason }) => reason,
      onRight: ({ href }) => href
    })

  it.each(["https://auth.example.com/x", "https://10.0.0.1/", "https://localhost:8443/", "http://localhost:3000/"])(
    "accepts %s if the caller named it",
    (url) => {
      expect(outcome(url)).toBe(url)
    }
  )

  it.each([
    "http://auth.example.com",
    "http://10.0.0.1",
    "http://auth",
    "http://auth.internal",
    "http://localhost.example.com",
    "ftp://localhost",
    "ws://localhost",
    "file:///etc/passwd",
    "data:application/json,{}",
    "javascript:1",
    "http://[64:ff9b::127.0.0.1]",
    "http://[2002:7f00:1::1]"
  ])("rejects %s, which is neither https nor http on a loopback host", (url) => {
    expect(outcome(url)).toBe("NotHttps")
    expect(outcome(url, "http://localhost")).toBe("NotHttps")
  })

  const [pub, priv, loop] = ["https://mcp.example.com", "https://10.0.0.1", "http://localhost:3000"]
  it.each([
    [pub, pub, true],
    [pub, priv, false],
    [pub, loop, false],
    [priv, pub, true],
    [priv, priv, true],
    [priv, loop, false],
    [loop, pub, true],
    [loop, priv, true],
    [loop, loop, true]
  ])("for a server at %s that names %s: %s", (server, named, allowed) => {
    expect(outcome(named, server)).toBe(allowed ? new URL(named).href : "PrivateAddress")
  })

  const insecureHosts = ["keycloak.auth.svc.cluster.local", "10.0.0.5", "[fd00::1]"]
  const accepted = (url: string, namedBy?: string) =>
    Either.match(
      check(new URL(url), "issuer", namedBy === undefined ? undefined : new URL(namedBy), { insecureHosts }),
      { onLeft: ({ reason }) => reason, onRight: () => "accepted" }
    )

  it.each([
    "http://keycloak.auth.svc.cluster.local/realms/x",
    "http://KEYCLOAK.auth.svc.cluster.local:8080",
    "http://keycloak.auth.svc.cluster.local.",
    "http://10.0.0.5:9000",
    "http://[fd00:0::1]",
    "https://keycloak.auth.svc.cluster.local"
  ])("accepts %s, whose host the caller named exactly", (url) => {
    expect(accepted(url)).toBe("accepted")
  })

  it.each([
    "http://auth.svc.cluster.local",
    "http://a.keycloak.auth.svc.cluster.local",
    "http://keycloak.auth.svc.cluster.local.evil.example",
    "http://keycloak.auth.svc.cluster.local@evil.example",
    "http://xkeycloak.auth.svc.cluster.local",
    "http://keycloak-auth.svc.cluster.local",
    "http://keycloak.auth.svc.cluster.locale",
    "http://evil.example/keycloak.auth.svc.cluster.local",
    "http://evil.example/?keycloak.auth.svc.cluster.local",
    "http://10.0.0.50",
    "http://10.0.0.5.evil.example",
    "http://[fd00::11]",
    "ws://keycloak.auth.svc.cluster.local",
    "ftp://keycloak.auth.svc.cluster.local"
  ])("rejects %s although a similar host is accepted", (url) => {
    expect(accepted(url)).toBe("NotHttps")
  })

  it("lets a private server name an accepted host, and no public server", () => {
    const named = "http://keycloak.auth.svc.cluster.local"
    expect(accepted(named, "http://mcp.auth.svc.cluster.local")).toBe("accepted")
    expect(accepted(named, "https://10.0.0.1")).toBe("accepted")
    expect(accepted(named, "https://mcp.example.com")).toBe("PrivateAddress")
  })

  it("fails with an error that shows no query, and says who named the URL and what to do", () => {
    const error = Either.flip(
      check(new URL("https://10.0.0.1/a?b=c"), "token endpoint", new URL("https://a.example/x"))
    )
      .pipe(Either.getOrThrow)
    expect(error).toMatchObject(
      {
        _tag: "InsecureEndpoint",
        reason: "PrivateAddress",
        endpoint: "token endpoint",
        url: "https://10.0.0.1/a",
        namedBy: "https://a.example"
      }
    )
    expect(error.message).toBe(
      "The token endpoint \"https://10.0.0.1/a\", named by https://a.example, is on a private address that a public " +
        "host must not name. Nothing was sent. If it is right, pin `issuer` or give `tokenEndpoint` yourself."
    )
  })
})

describe("parse", () => {
  it("returns undefined for a text that is not an absolute URL", () => {
    for (const text of ["", "mcp", "/mcp", "https://", "https://a b/", "//mcp.example.com", "https://[::1"]) {
      expect(parse(text)).toBeUndefined()
    }
    expect(parse(" https://mcp.example.com/mcp ")?.href).toBe("https://mcp.example.com/mcp")
  })
})

describe("nameOf", () => {
  it.each([
    ["a query, a fragment and a user name", "https://user:canary@a.example/b?c=canary#canary", "https://a.example/b"],
    ["a path of another scheme up to its @", "user:canary@a.example", "user:…@a.example"],
    [
      "a password after a scheme that was written twice",
      "https:https://u:canary@a.example/b",
      "https://https//…@a.example/b"
    ],
    ["a JWT in the path", "https://a.example/eyJhbGciOiJIUzI1NiJ9.e30.canary/x", "https://a.example/<redacted>/x"],
    [
      "what is beyond 200 characters",
      `https://a.example/${"b".repeat(20_000)}`,
      `https://a.example/${"b".repeat(182)}…`
    ]
  ])("leaves out %s", (_, url, name) => {
    expect(nameOf(new URL(url))).toBe(name)
  })
})

describe("fromText", () => {
  const judge = (text: string, linkLocal?: boolean) =>
    Either.match(fromText(text, { linkLocal }), { onLeft: (wrong) => wrong, onRight: (url) => url.href })

  it.each(["https://vault.example.com/", "http://localhost:8200/", "http://127.0.0.1/", "http://[::1]/"])(
    "accepts https, and plain http to this machine: %s",
    (text) => {
      expect(judge(text)).toBe(text)
    }
  )

  it("accepts an address with a quotation mark within", () => {
    expect(judge("https://vault.example.com/a\"b")).toBe("https://vault.example.com/a%22b")
  })

  it("names `insecureHosts` in the error about plain http if the option is given", () => {
    expect(fromText("http://vault.example.com", { insecureHosts: ["a.example"] })).toEqual(
      Either.left("it is not https; plain http is for loopback hosts and those in `insecureHosts` only")
    )
  })

  it.each(["http://169.254.169.254/", "http://[fe80::1]/"])(
    "accepts plain http to %s only with `linkLocal`",
    (text) => {
      expect(judge(text)).toBe("it is not https; plain http is for loopback hosts only")
      expect(judge(text, true)).toBe(text)
    }
  )

  it.each([
    ["vault", "it is not an absolute URL, as in https://host.example/path"],
    ["vault.example.com/v1/token", "it is not an absolute URL, as in https://host.example/path"],
    ["//vault.example.com", "it is not an absolute URL, as in https://host.example/path"],
    ["https://va ult.example.com", "it is not an absolute URL, as in https://host.example/path"],
    ["", "it is not an absolute URL, as in https://host.example/path"],
    ["vault.example.com:8200/v1", "it begins with neither `https://` nor `http://`"],
    ["xhttps://vault.example.com", "it begins with neither `https://` nor `http://`"],
    ["localhost:8200/v1", "it begins with neither `https://` nor `http://`"],
    ["\"https://vault.example.com\"", "it begins with a quotation mark; remove the quotation marks"],
    [" 'https://vault.example.com'", "it begins with a quotation mark; remove the quotation marks"],
    ["https://vault.example.com/#", "it has a fragment, which no server receives; leave it out"],
    ["https://vault.example.com/v1#a", "it has a fragment, which no server receives; leave it out"],
    ["https://user:password@vault.example.com", "it has a user name or a password; send credentials in a header"],
    ["http://vault.example.com", "it is not https; plain http is for loopback and link-local hosts only"],
    ["http://169.254.169.254.example", "it is not https; plain http is for loopback and link-local hosts only"],
    ["http://10.0.0.1", "it is not https; plain http is for loopback and link-local hosts only"],
    ["ftp://localhost", "it begins with neither `https://` nor `http://`"]
  ])("refuses %s: %s", (text, wrong) => {
    expect(judge(text, true)).toBe(wrong)
  })
})
