/**
 * The manifests and settings of the generated workspace. Sources are written elsewhere.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Package } from "@effect-mcp-auth/tooling/packages"

/** The version of the generated packages. */
export const VERSION = "4.0.0"

/** The line of Effect 4 that the generated packages are made for and tested with. */
export const EFFECT = { range: "~4.1.0", tested: "4.1.0", vitest: "4.0.5", nodes: ">=22.19.0" }

/** Dependencies of the Effect 3 line to those of the Effect 4 line; `undefined` where `effect` holds the package. */
const dependencies: Readonly<Record<string, string | undefined>> = {
  effect: EFFECT.tested,
  "@effect/platform": undefined,
  "@effect/platform-node": EFFECT.tested,
  "@effect/vitest": EFFECT.vitest
}

type Dependencies = Readonly<Record<string, string>>

const moved = (given: Dependencies | undefined, range?: string): Dependencies | undefined =>
  given === undefined ? undefined : Object.fromEntries(
    Object.entries(given).flatMap(([name, version]) => {
      if (!(name in dependencies)) return [[name, version]]
      const target = dependencies[name]
      return target === undefined ? [] : [[name, range ?? target]]
    })
  )

/** The manifest of a package for Effect 4. */
export const manifestFor4 = (manifest: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => {
  const { dependencies, devDependencies, engines: _, peerDependencies, ...rest } = manifest as {
    readonly dependencies?: Dependencies
    readonly devDependencies?: Dependencies
    readonly engines?: unknown
    readonly peerDependencies?: Dependencies
  }
  const sections = {
    dependencies: moved(dependencies),
    devDependencies: moved(devDependencies),
    peerDependencies: moved(peerDependencies, EFFECT.range)
  }
  return {
    ...rest,
    ...manifest["private"] === true ? {} : { version: VERSION, engines: { node: EFFECT.nodes } },
    ...Object.fromEntries(Object.entries(sections).filter(([, section]) => section !== undefined))
  }
}

/** Files that are not written anew: texts, fixtures, settings. */
export const isCopied = (path: string): boolean =>
  !/\.ts$|\/(?:node_modules|build|dist|coverage)(?:\/|$)|\.tsbuildinfo$/.test(path)

/** Writes what a package has besides its TypeScript sources. */
export const copyPackage = ({ directory, folder }: Package, target: string): void => {
  const to = join(target, "packages", folder)
  mkdirSync(to, { recursive: true })
  for (const entry of readdirSync(directory)) {
    if (!isCopied(join(directory, entry)) || entry === "package.json") continue
    cpSync(join(directory, entry), join(to, entry), { recursive: true, filter: isCopied })
  }
  const settings = join(directory, "vitest.config.ts")
  if (existsSync(settings)) cpSync(settings, join(to, "vitest.config.ts"))
  const manifest = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"))
  writeFileSync(join(to, "package.json"), `${JSON.stringify(manifestFor4(manifest), undefined, 2)}\n`)
}
