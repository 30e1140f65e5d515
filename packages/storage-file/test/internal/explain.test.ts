import { Error as PlatformError } from "@effect/platform"
import { describe, expect, it } from "@effect/vitest"
import { explain } from "../../src/internal/explain.ts"

const failure = (method: string, description: string) =>
  new PlatformError.SystemError({ reason: "Unknown", module: "FileSystem", method, description })

describe("the error of a file system", () => {
  for (
    const [method, description, advice] of [
      ["link", "EPERM: operation not permitted, link", /no hard links\. Give a `directory` on another file system/],
      ["link", "ENOTSUP: operation not supported, link", /no hard links/],
      ["writeFile", "EPERM: operation not permitted, open", /Give a `directory` that this process can write to/],
      ["writeFile", "EACCES: permission denied, open", /Give a `directory` that this process can write to/],
      ["writeFile", "EROFS: read-only file system, open", /Give a `directory` that this process can write to/],
      ["makeDirectory", "EEXIST: file already exists, mkdir", /is in the way\. Give another `directory`/],
      ["makeDirectory", "ENOTDIR: not a directory, mkdir", /is in the way\. Give another `directory`/],
      ["writeFile", "ENOSPC: no space left on device, write", /Free some space\. Until then, tokens are not stored/],
      ["writeFile", "EDQUOT: quota exceeded, write", /Free some space/]
    ] as const
  ) {
    it(`${description} in ${method}: says what to do next`, () => {
      const error = explain("set")(failure(method, description))
      expect(error).toMatchObject({ _tag: "TokenStorageError", operation: "set", reason: "Unavailable" })
      expect(error.message).toContain(description)
      expect(error.message).toMatch(advice)
    })
  }

  it("of an unknown kind: says what failed, and gives no advice", () => {
    expect(explain("get")(failure("readFile", "EIO: i/o error, read")).message).toMatch(/EIO: i\/o error, read[^.]*\.$/)
  })
})
