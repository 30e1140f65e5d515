import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { onTestFinished } from "vitest"

/** The folder of built files: a package there finds `vitest`, and nobody commits it. */
const build = join(import.meta.dirname, "..", "build")

/** Writes a package of these files, which is removed after the test. The keys are paths in the package. */
export const packageWith = (files: Readonly<Record<string, string>>): string => {
  mkdirSync(build, { recursive: true })
  const folder = mkdtempSync(join(build, "package-"))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return folder
}
