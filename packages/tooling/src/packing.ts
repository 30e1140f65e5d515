/**
 * Packs the published packages as `pnpm publish` does, and unpacks them as npm installs them.
 */
import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Exports, Package } from "./packages.ts"

/** A temporary folder that is removed when its user is done. */
export const withTemporaryFolder = async <A>(use: (folder: string) => A | Promise<A>): Promise<A> => {
  const folder = mkdtempSync(join(tmpdir(), "effect-mcp-auth-"))
  try {
    return await use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Packs a package into a folder. Returns the path of the tarball. The package must have been built. */
export const pack = ({ directory }: Package, destination: string): string => {
  // pnpm names itself in this variable when it runs a script.
  const pnpm = process.env["npm_execpath"] ?? "pnpm"
  const output = execFileSync(pnpm, ["pack", "--json", "--pack-destination", destination], {
    cwd: directory,
    encoding: "utf8"
  })
  const { filename }: { readonly filename: string } = JSON.parse(output)
  return filename
}

/** A packed package, unpacked into a folder. */
export interface Unpacked {
  readonly name: string
  readonly directory: string
  readonly exports: Exports
  readonly peers: ReadonlyArray<string>
}

/** Unpacks a tarball to where npm would install the package. */
export const unpack = (tarball: string, name: string, nodeModules: string): Unpacked => {
  const directory = join(nodeModules, name)
  mkdirSync(directory, { recursive: true })
  execFileSync("tar", ["-xzf", tarball, "--strip-components=1", "-C", directory])
  return readUnpacked(directory)
}

export const readUnpacked = (directory: string): Unpacked => {
  const manifest: {
    readonly name: string
    readonly exports: Exports
    readonly peerDependencies?: Readonly<Record<string, string>>
  } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"))
  return {
    name: manifest.name,
    directory,
    exports: manifest.exports,
    peers: Object.keys(manifest.peerDependencies ?? {})
  }
}
