import { describe, expect, it } from "@effect/vitest"
import { Duration, Effect, Redacted } from "effect"
import * as OwnOptions from "../../src/authoring/OwnOptions.ts"

class Service {
  readonly list = ["a"]
}

describe("a copy of options", () => {
  it("keeps what it had when it was made, whatever the caller changes later", () => {
    const given = {
      text: "a",
      list: ["a"],
      nested: { fields: { value: "a" }, lists: [["a"]] },
      map: new Map([["key", { value: "a" }]]),
      set: new Set(["a"]),
      url: new URL("https://mcp.example.com/mcp")
    }
    const before = structuredClone({ ...given, url: given.url.href })
    const own = OwnOptions.read(given)
    given.text = "b"
    given.list.push("b")
    given.nested.fields.value = "b"
    given.nested.lists[0]?.push("b")
    given.map.set("key", { value: "b" })
    given.set.add("b")
    given.url.host = "evil.example.net"
    expect({ ...own, url: own.url.href }).toEqual(before)
  })

  it("reads a getter once, at any depth", () => {
    let reads = 0
    const counting = {
      get value() {
        return `read ${++reads}`
      }
    }
    const own = OwnOptions.read({ nested: counting, list: [counting] })
    expect([own.nested.value, own.nested.value, own.list[0]?.value]).toEqual(["read 1", "read 1", "read 1"])
  })

  it("has the fields that an object of a class or a prototype holds, each read once", () => {
    let reads = 0
    class Defaults {
      get scopes() {
        return [`read ${++reads}`]
      }
    }
    class Settings extends Defaults {
      readonly clientId = "client"
    }
    const own = OwnOptions.read(new Settings())
    expect([own.clientId, own.scopes, own.scopes]).toEqual(["client", ["read 1"], ["read 1"]])
    const given: { readonly scopes: ReadonlyArray<string> } = Object.create({ scopes: ["mcp"] })
    expect(OwnOptions.read(given).scopes).toEqual(["mcp"])
  })

  it("has the caller's own functions, services, effects and secrets", () => {
    const given = {
      args: () => [],
      authentication: { clientId: "client", prove: () => Effect.void },
      service: new Service(),
      effect: Effect.succeed(1),
      secret: Redacted.make("canary-secret"),
      duration: Duration.seconds(1)
    }
    const own = OwnOptions.read(given)
    for (const [name, value] of Object.entries(own)) expect(Reflect.get(given, name)).toBe(value)
  })

  it("has an undefined entry in place of a hole of a list, and ends at a circle and at great depth", () => {
    const circle: { self?: unknown } = {}
    circle.self = circle
    const list: Array<string> = []
    list[1] = "a"
    const own = OwnOptions.read({ list, circle })
    expect([0 in own.list, own.list]).toEqual([true, [undefined, "a"]])
    expect(own.circle).not.toBe(circle)
    expect(own.circle.self).toBe(own.circle)
    let deep: unknown = "leaf"
    for (let depth = 0; depth < 100_000; depth++) deep = { deep }
    expect(OwnOptions.read({ deep })).toHaveProperty("deep.deep.deep")
  })

  it("has copies of objects in at most 64 others, and the caller's own object below", () => {
    interface Level {
      readonly next?: Level
    }
    const levels: Array<Level> = [{}]
    for (let depth = 65; depth > 1; depth--) levels.unshift({ next: levels[0] ?? {} })
    let own = OwnOptions.read({ next: levels[0] }).next
    const isOwn = levels.map((level) => {
      const result = own !== level
      own = own?.next
      return result
    })
    expect(isOwn).toEqual(levels.map((_, index) => index < 64))
  })

  it("has copies of lists, and ends at a list in a circle and at lists of great depth", () => {
    const circle: Array<unknown> = []
    circle.push(circle)
    const own = OwnOptions.read({ circle })
    expect(own.circle).not.toBe(circle)
    expect(own.circle[0]).toBe(own.circle)
    let deep: unknown = "leaf"
    for (let depth = 0; depth < 100_000; depth++) deep = [deep]
    expect(OwnOptions.read({ deep })).toHaveProperty("deep[0][0]")
  })

  it("has a copy of an object without a prototype", () => {
    const fields: Record<string, string> = Object.assign(Object.create(null), { value: "a" })
    const own = OwnOptions.read({ fields })
    fields["value"] = "b"
    expect(own.fields["value"]).toBe("a")
  })

  it("has no field for the constructor of a class", () => {
    expect(Object.keys(OwnOptions.read(new Service()))).toEqual(["list"])
  })

  it.each([undefined, null, "text", 7])("of %s, which JavaScript may give, is the same", (value) => {
    expect(OwnOptions.read(value)).toBe(value)
  })
})
