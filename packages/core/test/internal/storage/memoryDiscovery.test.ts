import { describe, expect, it } from "@effect/vitest"
import { MemoryDiscovery } from "../../../src/internal/storage/memoryDiscovery.ts"

const DAY = 24 * 60 * 60 * 1000
const found = (confirmedAt: number) => ({ issuer: "https://auth.example.com", confirmedAt })

describe("MemoryDiscovery", () => {
  it("returns the record that was set last under the name", () => {
    const memory = new MemoryDiscovery()
    memory.set("a", found(1), 1)
    memory.set("a", found(2), 2)
    memory.set("b", found(3), 3)
    expect(memory.get("a")).toEqual(found(2))
    expect(memory.get("c")).toBeUndefined()
  })

  it("drops a record whose issuer no longer holds", () => {
    const memory = new MemoryDiscovery()
    memory.set("a", found(1), 1)
    memory.set("a", found(2), 2 + 30 * DAY)
    expect(memory.get("a")).toBeUndefined()
  })

  it("holds no more records than its capacity: the one that was set first makes room", () => {
    const memory = new MemoryDiscovery(2)
    memory.set("a", found(1), 1)
    memory.set("b", found(1), 1)
    memory.set("a", found(2), 2)
    memory.set("c", found(3), 3)
    expect([memory.get("a"), memory.get("b"), memory.get("c")]).toEqual([found(2), undefined, found(3)])
  })
})
