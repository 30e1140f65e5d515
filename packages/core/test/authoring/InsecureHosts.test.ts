import { describe, expect, it } from "@effect/vitest"
import { Effect, Either, Logger, Redacted } from "effect"
import * as InsecureHosts from "../../src/authoring/InsecureHosts.ts"

describe("the option `insecureHosts`", () => {
  it.each<readonly [written: ReadonlyArray<string> | undefined, hosts: ReadonlyArray<string>]>([
    [undefined, []],
    [[], []],
    [["keycloak.auth.svc.cluster.local"], ["keycloak.auth.svc.cluster.local"]],
    [["Keycloak", "MCP.internal"], ["keycloak", "mcp.internal"]],
    [["keycloak.auth.svc.cluster.local."], ["keycloak.auth.svc.cluster.local"]],
    [["10.0.0.5"], ["10.0.0.5"]],
    [["fd00::1", "[fd00::2]", "FD00:0:0::3"], ["[fd00::1]", "[fd00::2]", "[fd00::3]"]],
    [["münchen.example"], ["xn--mnchen-3ya.example"]],
    [["xn--mnchen-3ya.example"], ["xn--mnchen-3ya.example"]],
    [["host_with_underscore"], ["host_with_underscore"]]
  ])("accepts %j", (written, hosts) => {
    expect(InsecureHosts.check(written)).toEqual(Either.right(hosts))
  })

  it.each<readonly [written: unknown, says: string]>([
    ["keycloak", "it is a string. Give an array"],
    [null, "it is null. Give an array"],
    [{ host: "keycloak" }, "it is an object. Give an array"],
    [true, "it is a boolean. Give an array"],
    [[undefined], "one of its entries is undefined"],
    [["keycloak", 7], "one of its entries is a number"],
    [[Redacted.make("sealed-host-name")], "one of its entries is a `Redacted`"],
    [["*"], "\"*\" is a wildcard"],
    [["*.svc.cluster.local"], "is a wildcard"],
    [["keycloak.*"], "is a wildcard"],
    [[""], "\"\" is not the name of a host"],
    [[" "], "is not the name of a host"],
    [["key cloak"], "is not the name of a host"],
    [[" keycloak"], "is not the name of a host"],
    [["keycloak\n"], "is not the name of a host"],
    [["http://keycloak"], "is not the name of a host"],
    [["//keycloak"], "is not the name of a host"],
    [["keycloak:8080"], "is not the name of a host"],
    [["[fd00::1]:8080"], "is not the name of a host"],
    [["keycloak/realms/x"], "is not the name of a host"],
    [["keycloak?x"], "is not the name of a host"],
    [["keycloak#x"], "is not the name of a host"],
    [["user@keycloak"], "is not the name of a host"],
    [["key%63loak"], "is not the name of a host"],
    [["10.1"], "is not the name of a host"],
    [["0x7f.1"], "is not the name of a host"],
    [["2130706433"], "is not the name of a host"],
    [["999.1.1.1"], "is not the name of a host"],
    [["."], "is not the name of a host"],
    [[".."], "is not the name of a host"],
    [[".svc.cluster.local"], "is not the name of a host"],
    [["a..b"], "is not the name of a host"],
    [["[keycloak]"], "is not the name of a host"],
    [["fe80::1%eth0"], "is not the name of a host"]
  ])("refuses %j", (written, says) => {
    const error = Either.getOrThrow(Either.flip(InsecureHosts.check(written)))
    expect(error.option).toBe("insecureHosts")
    expect(error.description).toContain(says)
  })
})

describe("the warning about plain http", () => {
  it.effect("is logged once for each origin that only the option permits, and for no other", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const logger = Logger.make<unknown, void>(({ message }) => lines.push(String(message)))
      const hosts = ["keycloak", "localhost"]
      yield* Effect.forEach(
        [
          "https://keycloak/token",
          "http://localhost/token",
          "http://other/token",
          "http://keycloak/token?k=v",
          "http://keycloak/metadata",
          "http://keycloak:8080/token"
        ],
        (url) => InsecureHosts.warn(hosts, new URL(url))
      ).pipe(Effect.provide(Logger.add(logger)))
      expect(lines).toEqual([
        expect.stringContaining("Plain http is used for http://keycloak/token, since `insecureHosts` names its host."),
        expect.stringContaining("Plain http is used for http://keycloak:8080/token, ")
      ])
    }))
})
