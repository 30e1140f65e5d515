import { FileTokenStorage } from "@effect-mcp-auth/storage-file"
import { TokenStorageContract } from "@effect-mcp-auth/testing"
import { NodeContext } from "@effect/platform-node"
import { FileSystem } from "@effect/platform"
import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { encryptionKey } from "./support/storage.ts"

const kinds = {
  encrypted: (directory: string) => FileTokenStorage.make({ directory, encryptionKey }),
  plaintext: (directory: string) => FileTokenStorage.makePlaintext({ directory })
}

for (const [kind, open] of Object.entries(kinds)) {
  describe(`the storage contract on ${kind} files, with two storages on one directory`, () => {
    for (const { check, name } of TokenStorageContract.cases) {
      it.scopedLive(name, () =>
        Effect.gen(function*() {
          const fs = yield* FileSystem.FileSystem
          const directory = `${yield* fs.makeTempDirectoryScoped()}/nested/tokens`
          yield* check(yield* open(directory), yield* open(directory))
        }).pipe(Effect.provide(NodeContext.layer)))
    }
  })
}
