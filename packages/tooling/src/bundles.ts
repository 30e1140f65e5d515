/**
 * How much a user downloads: bundles of the packed packages without their peers and without `jose`.
 */
import { build, type Metafile } from "esbuild"
import { brotliCompressSync } from "node:zlib"

export interface Bundle {
  readonly name: string
  /** The size in bytes, minified. */
  readonly minified: number
  /** The size in bytes, minified and compressed with brotli. */
  readonly compressed: number
  /** The modules with at least one byte in the bundle, as paths. */
  readonly modules: ReadonlyArray<string>
  /** The packages that the bundle still imports. */
  readonly external: ReadonlyArray<string>
}

export interface Entry {
  readonly name: string
  readonly source: string
}

/** Bundles a source whose imports are resolved in `folder`. The packages of `external` stay outside. */
export const bundle = async (
  { name, source }: Entry,
  folder: string,
  external: ReadonlyArray<string>
): Promise<Bundle> => {
  const { metafile, outputFiles } = await build({
    stdin: { contents: source, resolveDir: folder, loader: "ts" },
    absWorkingDir: folder,
    bundle: true,
    minify: true,
    treeShaking: true,
    format: "esm",
    target: "es2022",
    external: [...external],
    metafile: true,
    write: false,
    logLevel: "warning"
  })
  const code = outputFiles[0]?.contents ?? new Uint8Array()
  return {
    name,
    minified: code.length,
    compressed: brotliCompressSync(code).length,
    modules: usedModules(metafile),
    external: [...new Set(Object.values(metafile.outputs).flatMap(({ imports }) => imports.map(({ path }) => path)))]
  }
}

const usedModules = ({ outputs }: Metafile): ReadonlyArray<string> =>
  Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([path]) => path)
  )

/** The first program of a README. */
export const firstProgram = (readme: string): string => {
  const [, program] = /^```ts\n(.*?)^```$/ms.exec(readme) ?? []
  if (program === undefined) throw new Error("the README shows no program")
  return program
}

/** The same program, with each name that it imports from a barrel imported from the module of that name. */
export const byModulePath = (program: string): string =>
  program.replaceAll(
    /^import \{ (.*?) \} from "(@effect-mcp-auth\/[^/"]+)"$/gm,
    (_, names: string, barrel: string) =>
      names.split(", ").map((name) => `import * as ${name} from "${barrel}/${name}"`).join("\n")
  )

/** The largest size that is allowed for the README's first program, in bytes, compressed. */
export const MAX_FIRST_PROGRAM = 42.25 * 1024

/** The faults of the bundle of the README's first program, which keeps its tokens in memory and signs nothing. */
export const checkFirstProgram = ({ compressed, external, modules }: Bundle): ReadonlyArray<string> => [
  ...compressed > MAX_FIRST_PROGRAM
    ? [`the README's first program has ${kibibytes(compressed)}, and ${kibibytes(MAX_FIRST_PROGRAM)} are allowed`]
    : [],
  ...external.filter((name) => name === "jose" || name.startsWith("jose/")).map((name) =>
    `the README's first program imports ${name}, and signs nothing`
  ),
  ...external.filter((name) => /\/(FileSystem|Path)$/.test(name)).map((name) =>
    `the README's first program imports ${name}, and keeps its tokens in memory`
  ),
  ...modules.filter((module) => module.includes("@effect-mcp-auth/storage-")).map((module) =>
    `the README's first program holds ${module}, and keeps its tokens in memory`
  )
]

export const kibibytes = (bytes: number): string => `${(bytes / 1024).toFixed(1)} KiB`
