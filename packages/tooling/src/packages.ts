/**
 * The packages of this repository, read from disk: no list of them stands anywhere.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

/** The entry points of a package that is built: `null` hides what the pattern matches. */
export type Exports = Readonly<
  Record<string, string | null | { readonly types: string; readonly default: string }>
>

/** The fields of a `package.json` that the checks and the build read. */
export interface Manifest {
  readonly name: string
  readonly version?: string
  readonly private?: boolean
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  /** The fields that replace those of the same name in the published manifest. */
  readonly publishConfig?: { readonly exports?: Exports }
}

export interface Package {
  /** The name of the folder below `packages/`. */
  readonly folder: string
  /** The absolute path of that folder. */
  readonly directory: string
  readonly manifest: Manifest
}

/** The root of this repository. */
export const repository = join(import.meta.dirname, "..", "..", "..")

/** Every package below `packages/`, sorted by folder. */
export const readPackages = (root: string): ReadonlyArray<Package> =>
  readdirSync(join(root, "packages")).toSorted().flatMap((folder) => {
    const directory = join(root, "packages", folder)
    const file = join(directory, "package.json")
    if (!existsSync(file)) return []
    const manifest: Manifest = JSON.parse(readFileSync(file, "utf8"))
    return [{ folder, directory, manifest }]
  })

/** Whether a package is published: every one is, unless its manifest says `"private": true`. */
export const isPublished = ({ manifest }: Package): boolean => manifest.private !== true

/** The files below a folder whose name ends so, as absolute paths, sorted. An absent folder holds none. */
export const filesBelow = (folder: string, ending: string): ReadonlyArray<string> =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(ending))
      .map((file) => join(folder, file))
      .toSorted()
    : []
