/**
 * Sentences of documents that name what Effect 3 has and Effect 4 does not. Rules rewrite the code between fences; this
 * table rewrites the words around it.
 */
import type { Tables } from "./tables/tables.ts"

/** Text for Effect 3 to text for Effect 4. A space stands for any white space, line breaks in docstrings included. */
const rows: Readonly<Record<string, string>> = {
  // The errors of an HttpClient.
  "a `RequestError`": "an `HttpClientError`",
  "Its `reason` is `Transport`": "The tag of its `reason` is `TransportError`",
  "that fail with `Transport`": "that fail with a `TransportError`",
  "and `Encode` if": "and `EncodeError` if",
  "else `Encode`": "else `EncodeError`",
  "with reason `\"Transport\"`": "with the reason `TransportError`",

  // Other errors.
  "`Missing data at MCP_CLIENT_SECRET`. `<redacted>` in its text stands for the missing value.":
    "`Expected string`, and the name of the variable in the next line, `at [\"MCP_CLIENT_SECRET\"]`.",
  "a promise that rejects with a `FiberFailure` around the error": "a promise that rejects with the error itself",

  // Names.
  "`Duration.DurationInput`": "`Duration.Input`",
  "`CommandExecutor`": "`ChildProcessSpawner`",
  "NodeContext.layer": "NodeServices.layer",
  "`Config.string`": "`Config.String`",
  "`Config.redacted`": "`Config.Redacted`",
  "`Config.map(Config.string(": "`Config.map(Config.String(",
  "`encryptionKey: Config.array(Config.redacted(), \"TOKEN_ENCRYPTION_KEYS\")`":
    "`encryptionKey: Config.Array(Schema.Redacted(Schema.String), \"TOKEN_ENCRYPTION_KEYS\")`",
  "`HttpClient.withTracerDisabledWhen`": "`HttpClient.TracerDisabledWhen`",
  "with `Effect.withClock`": "as the service `Clock.Clock`",
  "inside `Effect.tagMetrics`": "with other `Metric.CurrentMetricAttributes`",
  "a `Data.struct` of": "an object of",
  "a `Data` value of": "an object of",

  // Installation.
  "npm install @effect-mcp-auth/storage-redis@0 @effect-mcp-auth/core@0 ioredis@5":
    "npm install @effect-mcp-auth/storage-redis@4 @effect-mcp-auth/core@4 ioredis",
  " Take 5 if your program also uses `@effect/platform-node` 0.108 or `@effect/experimental` 0.61: their own peer range ends at `ioredis` 5, and npm refuses to install them beside 6.":
    ""
}

/** The names of the rows. */
export const textRows: ReadonlyArray<string> = Object.keys(rows)

/** Pages that are about both lines, and so name both. */
const aboutBoth = /(?:^README|\/docs\/effect(?:4-mcp-client|-3-and-4))\.md$/

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")

const patterns = Object.entries(rows).map(([from, to]) => ({
  from,
  to,
  pattern: new RegExp(from.split(" ").map(escaped).join("(?:\\s+(?:\\* )?)"), "g")
}))

/** The document with the texts of Effect 4. `used` learns which rows it needed. */
export const rewriteTexts = (path: string, document: string, used: (row: string) => void): string =>
  aboutBoth.test(path) ? document : patterns.reduce((text, { from, pattern, to }) =>
    text.replaceAll(pattern, () => {
      used(from)
      return to
    }), document)

export interface Stale {
  readonly line: number
  readonly name: string
}

/** Whether a module exports a name. */
type Exists = (module: string, name: string) => boolean

/** Packages and names that stand without a module. */
const WORDS =
  /@effect\/platform(?!-)|\bEffect 3\b|`(?:RequestError|ResponseError|SystemError|FiberFailure|CommandExecutor)`/g

const MEMBER = /(?<![\w./-])([A-Z]\w*)\.([a-zA-Z]\w*)/g

const roots = ["effect", "@effect/platform", "@effect/platform-node"]

/**
 * What a document for Effect 4 still says of Effect 3: in the prose of pages, and in the comments of modules. A name of a
 * module, such as `Config.string`, is stale if Effect 3 exports it and Effect 4 does not.
 */
export const makeStaleNames = (modules: Tables["modules"], in3: Exists, in4: Exists) => {
  const isStale = (module: string, name: string): boolean => {
    const old = roots.map((root) => `${root}/${module}`).filter((key) => in3(key, name))
    const kept = old.map((key) => modules.get(key) ?? key).filter((key) => key.endsWith(`/${module}`))
    return old.length > 0 && !kept.some((key) => in4(key, name))
  }
  const namesIn = (text: string): ReadonlyArray<string> => [
    ...Array.from(text.matchAll(WORDS), ([word]) => word),
    ...Array.from(text.matchAll(MEMBER)).filter(([, module = "", name = ""]) => isStale(module, name)).map(([all]) =>
      all
    )
  ]
  return (path: string, document: string): ReadonlyArray<Stale> => {
    if (aboutBoth.test(path)) return []
    const isProse = (line: string): boolean => !path.endsWith(".ts") || /^\s*(?:\/?\*|\/\/)/.test(line)
    return document.split("\n").flatMap((line, index) =>
      isProse(line) ? namesIn(line).map((name) => ({ line: index + 1, name })) : []
    )
  }
}
