import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { onTestFinished } from "vitest"
import { type Package, readPackages } from "../src/packages.ts"

/** Writes files into a temporary folder, which is removed after the test. The keys are paths in the folder. */
export const folderWith = (files: Readonly<Record<string, string>>): string => {
  const folder = mkdtempSync(join(tmpdir(), "effect-mcp-auth-tooling-"))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return folder
}

/** A repository with one published package `@effect-mcp-auth/a`, which holds these files. */
export const packagesWith = (files: Readonly<Record<string, string>>): ReadonlyArray<Package> => {
  const inPackage = Object.entries(files).map(([path, text]) => [`packages/a/${path}`, text])
  return readPackages(folderWith({
    ...Object.fromEntries(inPackage),
    "packages/a/package.json": JSON.stringify({ name: "@effect-mcp-auth/a" })
  }))
}
