import type { Table } from "./tables.ts"

const http = (...names: ReadonlyArray<string>): Readonly<Record<string, string>> =>
  Object.fromEntries(names.map((name) => [`@effect/platform/${name}`, `effect/http/${name}`]))

export const modules: ReadonlyArray<Table> = [
  {
    name: "HTTP modules",
    reason: "The HTTP modules of @effect/platform are part of effect.",
    rows: http(
      "FetchHttpClient",
      "Headers",
      "HttpBody",
      "HttpClient",
      "HttpClientError",
      "HttpClientRequest",
      "HttpClientResponse",
      "HttpServer",
      "HttpServerRequest",
      "HttpServerResponse",
      "UrlParams"
    )
  },
  {
    name: "platform modules",
    reason: "The services of @effect/platform are part of effect.",
    rows: {
      "@effect/platform/FileSystem": "effect/FileSystem",
      "@effect/platform/Path": "effect/Path",
      "@effect/platform/Error": "effect/PlatformError",
      "@effect/platform/KeyValueStore": "effect/persistence/KeyValueStore"
    }
  },
  {
    name: "renamed modules",
    reason: "Either is called Result, and its module moved with it.",
    rows: {
      "effect/Either": "effect/Result",
      "effect/ConfigError": "effect/Config",
      "effect/TestClock": "effect/testing/TestClock",
      "@effect/platform-node/NodeContext": "@effect/platform-node/NodeServices"
    }
  },
  {
    name: "fast-check",
    reason: "Effect 4 does not export fast-check any more.",
    rows: { "effect/FastCheck": "fast-check" }
  }
]
