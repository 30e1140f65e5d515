import { Error as PlatformError } from "@effect/platform"
import { describe, expect, it } from "@effect/vitest"
import * as PlatformFailure from "../../src/authoring/PlatformFailure.ts"

const full = new PlatformError.SystemError({
  reason: "Unknown",
  module: "FileSystem",
  method: "writeFile",
  pathOrDescriptor: "/tokens/record.1",
  description: "ENOSPC: no space left on device, write"
})

const wrong = new PlatformError.BadArgument({ module: "FileSystem", method: "open", description: "no such flag" })

describe("PlatformFailure", () => {
  it("reasonOf is the kind of a failure of the system, and nothing for a wrong call", () => {
    expect([full, wrong].map(PlatformFailure.reasonOf)).toEqual(["Unknown", undefined])
  })

  it("messageOf has the path and the words of the operating system", () => {
    expect(PlatformFailure.messageOf(full)).toBe(
      "Unknown: FileSystem.writeFile (/tokens/record.1): ENOSPC: no space left on device, write"
    )
  })
})
