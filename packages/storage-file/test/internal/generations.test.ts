import { FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Generations from "../../src/internal/generations.ts"

const folder = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())

describe("Generations", () => {
  it.scopedLive("highest counts the names that publish writes, and no other names", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const { highest } = yield* Generations.make
      const path = yield* folder
      expect(yield* highest(path, "record")).toBe(0)
      const others = [
        "record",
        "record.",
        "record.0",
        "record.07",
        "record.8.bak",
        "record.9e9",
        "record.-9",
        "Record.9"
      ]
      for (const name of [...others, "lease.10", "tmp.11", "record.1234567890123456", "record.3", "record.2"]) {
        yield* fs.writeFileString(`${path}/${name}`, "")
      }
      expect(yield* highest(path, "record")).toBe(3)
      expect(yield* highest(path, "lease")).toBe(10)
    }).pipe(Effect.provide(NodeContext.layer)))

  it.scopedLive("publish lets one of ten concurrent writers have a number, and leaves that file alone in the folder", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const { fileOf, publish } = yield* Generations.make
      const path = yield* folder
      for (let generation = 1; generation <= 5; generation++) {
        const taken = yield* Effect.forEach(
          Array.from({ length: 10 }, (_, index) => `writer ${index}`),
          (content) => publish(path, "record", generation, content, Date.now()),
          { concurrency: "unbounded" }
        )
        expect(taken.filter((done) => done)).toHaveLength(1)
        expect(yield* fs.readFileString(fileOf(path, "record", generation))).toBe(`writer ${taken.indexOf(true)}`)
        expect(yield* fs.readDirectory(path)).toEqual([`record.${generation}`])
      }
    }).pipe(Effect.provide(NodeContext.layer)))
})
