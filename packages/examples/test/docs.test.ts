/**
 * The code in the documentation compiles, and passes where it is a test: the programs in the READMEs and docs pages, and
 * the `@example`s of the published packages.
 */
import { filesBelow, isPublished, readPackages } from "@effect-mcp-auth/tooling/packages"
import { moduleName, readersFiles, snippetsOf } from "@effect-mcp-auth/tooling/snippets"
import { OAuthProvider } from "@effect-mcp-auth/core"
import { FetchHttpClient, HttpClient, HttpClientRequest, HttpClientResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer } from "effect"
import type { ConfigError } from "effect/ConfigError"
import { execFile } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const root = fileURLToPath(new URL("../../..", import.meta.url))

/** The folder of the snippets: inside this package, so that their imports resolve as those of its programs do. */
const folder = fileURLToPath(new URL("../build/docs", import.meta.url))

/** A page of core. */
const corePage = (name: string) => join(root, "packages", "core", "docs", name)

/** The README of the repository and its page about security; README, docs pages and source modules of each published package. */
const documents = [
  join(root, "README.md"),
  join(root, "SECURITY.md"),
  ...readPackages(root).filter(isPublished).flatMap(({ directory }) => [
    ...[join(directory, "README.md")].filter((file) => existsSync(file)),
    ...filesBelow(join(directory, "docs"), ".md"),
    ...filesBelow(join(directory, "src"), ".ts").filter((file) => !file.endsWith("index.ts"))
  ])
]

/** The code between the fences, in pages and in docstrings alike. */
const codeOf = (document: string): ReadonlyArray<string> =>
  snippetsOf(readFileSync(document, "utf8")).map(({ code }) => code)

const tsconfig = {
  extends: "../../../../tsconfig.json",
  include: ["*.ts"],
  compilerOptions: {
    composite: false,
    incremental: false,
    noEmit: true,
    noUnusedLocals: false,
    types: ["node"],
    rewriteRelativeImportExtensions: false,
    allowImportingTsExtensions: true
  }
}

/** Writes each snippet as a module whose name says where it comes from. The result is their number. */
const writeModules = (): number => {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
  write("tsconfig.json", JSON.stringify(tsconfig))
  write("vitest.config.mjs", "export default { test: { include: [\"*.test.ts\"] } }")
  for (const [name, text] of Object.entries(readersFiles)) write(name, text)
  let count = 0
  for (const document of documents) {
    for (const [index, code] of codeOf(document).entries()) {
      write(moduleName(relative(root, document), index, code), `${code}\nexport {}\n`)
      count++
    }
  }
  return count
}

/** The module of the snippet of a page that contains this text. */
const moduleWith = (document: string, text: string): string => {
  const codes = codeOf(document)
  const index = codes.findIndex((code) => code.includes(text))
  return join(folder, moduleName(relative(root, document), index, codes[index] ?? ""))
}

/** The anchors of the headings of a page, as GitHub makes them. */
const anchorsOf = (page: string): ReadonlySet<string> =>
  new Set(
    Array.from(
      readFileSync(page, "utf8").replaceAll(/^```.*?^```$/gms, "").matchAll(/^#+ (.*)$/gm),
      ([, heading = ""]) => heading.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").trim().replaceAll(" ", "-")
    )
  )

describe("the code in the documentation", () => {
  it("compiles in every README, docs page and docstring of the published packages", { timeout: 120_000 }, async () => {
    assert.isAbove(writeModules(), 10)
    const compiler = join(root, "node_modules", "typescript", "bin", "tsc")
    // A compiler that finds mistakes prints them, exits 1, and so rejects the promise.
    const { stdout } = await promisify(execFile)(process.execPath, [compiler, "-p", folder]).catch(
      (error: { readonly stdout: string }) => error
    )
    assert.strictEqual(stdout, "")
  })

  it("passes where it is a test", { timeout: 120_000 }, async () => {
    writeModules()
    const vitest = join(root, "node_modules", "vitest", "vitest.mjs")
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [vitest, "run", "--root", folder, "--reporter", "json"],
      { env: { ...process.env, VITEST: undefined } }
    ).catch((error: { readonly stdout: string }) => error)
    const { numFailedTestSuites, numPassedTests, numTotalTests } = JSON.parse(stdout)
    assert.strictEqual(numFailedTestSuites, 0, stdout)
    assert.strictEqual(numPassedTests, numTotalTests, stdout)
    assert.isAbove(numPassedTests, 3)
  })
})

describe("the HttpClient that adds a gateway's header, in the page about problems", () => {
  interface Snippet {
    readonly ThroughGateway: Layer.Layer<HttpClient.HttpClient, ConfigError, HttpClient.HttpClient>
    readonly Auth: Layer.Layer<OAuthProvider.OAuthProvider, Error>
  }

  const load = async (): Promise<Snippet> => {
    writeModules()
    return await import(moduleWith(corePage("troubleshooting.md"), "export const ThroughGateway"))
  }

  it("adds the header to requests to the gateway and to no other", async () => {
    const { ThroughGateway } = await load()
    const sent: Array<readonly [url: string, key: string | undefined]> = []
    const recorder = HttpClient.make((request) => {
      sent.push([request.url, request.headers["x-api-key"]])
      return Effect.succeed(HttpClientResponse.fromWeb(request, new Response()))
    })
    const gateway = [
      "https://gateway.example.com/token",
      "https://gateway.example.com/.well-known/oauth-authorization-server"
    ]
    const others = [
      "https://mcp.example.com/mcp",
      "http://gateway.example.com/token",
      "https://gateway.example.com.evil.example/token",
      "https://gateway.example.com@evil.example/token",
      "https://gateway.example.com:8443/token",
      "https://evil.example/https://gateway.example.com/"
    ]
    await Effect.forEach([...gateway, ...others], (url) => HttpClient.execute(HttpClientRequest.post(url))).pipe(
      Effect.provide(Layer.provide(ThroughGateway, Layer.succeed(HttpClient.HttpClient, recorder))),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["GATEWAY_KEY", "key"]]))),
      Effect.runPromise
    )
    assert.deepStrictEqual(sent, [
      ...gateway.map((url) => [url, "key"] as const),
      ...others.map((url) => [url, undefined] as const)
    ])
  })

  it("is beneath the credential, so that metadata and token requests to the gateway carry the header", async () => {
    const { Auth } = await load()
    const issuer = "https://gateway.example.com/realms/a"
    const resourceMetadata = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp"
    const metadata = "https://gateway.example.com/.well-known/oauth-authorization-server/realms/a"
    const token = `${issuer}/token`
    const answers: Readonly<Record<string, unknown>> = {
      [resourceMetadata]: { resource: "https://mcp.example.com/mcp", authorization_servers: [issuer] },
      [metadata]: { issuer, token_endpoint: token },
      [token]: { access_token: "token", token_type: "Bearer", expires_in: 300 }
    }
    const sent: Array<readonly [url: string, key: string | null]> = []
    const fetch: typeof globalThis.fetch = (input, init) => {
      const { headers, url } = new Request(input, init)
      sent.push([url, headers.get("x-api-key")])
      return Promise.resolve(Response.json(answers[url] ?? {}, { status: url in answers ? 200 : 404 }))
    }
    await OAuthProvider.accessToken.pipe(
      Effect.provide(Layer.provide(Auth, Layer.succeed(FetchHttpClient.Fetch, fetch))),
      Effect.withConfigProvider(ConfigProvider.fromMap(
        new Map([
          ["GATEWAY_KEY", "key"],
          ["MCP_SERVER_URL", "https://mcp.example.com/mcp"],
          ["MCP_ISSUER", issuer],
          ["MCP_CLIENT_ID", "nightly-report"],
          ["MCP_CLIENT_SECRET", "a secret"]
        ])
      )),
      Effect.runPromise
    )
    assert.sameDeepMembers(sent, [[resourceMetadata, null], [metadata, "key"], [token, "key"]])
  })
})

describe("the links in the documentation", () => {
  const pages = [
    ...documents.filter((document) => document.endsWith(".md")),
    join(root, "CONTRIBUTING.md"),
    ...readPackages(root).filter((one) => !isPublished(one)).flatMap(({ directory }) => [
      ...[join(directory, "README.md")].filter((file) => existsSync(file)),
      ...filesBelow(join(directory, "docs"), ".md")
    ])
  ]

  it.each(pages.map((page) => [relative(root, page), page] as const))(
    "of %s lead to a file and a heading",
    (_, page) => {
      const targets = Array.from(
        readFileSync(page, "utf8").replaceAll(/^```.*?^```$/gms, "").matchAll(/\]\(((?!https?:)[^)\s]+)\)/g),
        ([, target = ""]) => target
      )
      const broken = targets.filter((target) => {
        const [path = "", anchor] = target.split("#")
        const file = path === "" ? page : join(page, "..", path)
        return !existsSync(file) || (anchor !== undefined && !anchorsOf(file).has(anchor))
      })
      assert.deepStrictEqual(broken, [])
    }
  )
})
