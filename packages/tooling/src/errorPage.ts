/**
 * The parts of `packages/core/docs/errors.md` that are generated: for each error, the texts that it can have. The page
 * explains the errors; the tables let a reader find the right place by the text that a program printed.
 */
import { readFileSync } from "node:fs"
import { join, relative } from "node:path"
import { type ErrorText, findErrorTexts, type Found } from "./errorTexts.ts"
import { filesBelow, isPublished, readPackages } from "./packages.ts"

/** The path below the root of the repository. */
export const ERROR_PAGE = "packages/core/docs/errors.md"

/**
 * A section of the page that has a table: the tag of an error, or one of three others. `Connection` are the parts of texts
 * about failed connections, which occur in several errors; `Error` are defects, and `Log` the lines of the log.
 */
type Section = string

/** Texts that are not shown in an error or the log. */
const NOT_SHOWN: ReadonlySet<string> = new Set([
  // The context of a key derivation, and parts of the answers of others that are recognized.
  "effect-mcp-auth key id",
  "can't run this command"
])

/** Modules that show none of their texts in an error or the log: descriptions of metrics, and the names in a schema. */
const SILENT_MODULES: ReadonlyArray<string> = ["core/src/OAuthMetric.ts", "core/src/OAuthError.ts"]

/**
 * Where the texts stand whose error the code around them does not name: the longest path that fits a module decides.
 * Most are parts of longer texts.
 */
const SECTION_OF: Readonly<Record<string, Section>> = {
  "core/src/AccessToken": "InvalidOptions",
  "core/src/Assertion": "AssertionError",
  "core/src/ClientAuthentication": "InvalidOptions",
  "core/src/Discovery": "DiscoveryError",
  "core/src/ProtectedResource": "DiscoveryError",
  "core/src/AuthorizationServer": "DiscoveryError",
  "core/src/Challenge": "DiscoveryError",
  "core/src/RecordEncryption": "TokenStorageError",
  "core/src/Secret": "CredentialError",
  "core/src/SigningKey": "InvalidOptions",
  "core/src/TokenResponse": "TokenEndpointError",
  "core/src/TokenEndpoint": "TokenEndpointError",
  "core/src/authoring/HttpExchange": "Connection",
  "core/src/authoring/NoAnswer": "Connection",
  "core/src/authoring": "InvalidOptions",
  "core/src/internal/errors": "Connection",
  "core/src/internal/http": "DiscoveryError",
  "core/src/internal/http/clientLog": "Log",
  "core/src/internal/lifecycle": "Error",
  "core/src/internal/signing": "InvalidOptions",
  "core/src/internal/telemetry": "Log",
  "core/src/internal/text": "TokenEndpointError",
  "core/src/internal/tokenRequest": "TokenEndpointError",
  "core/src/internal/provider": "InvalidOptions",
  "client-secret/": "InvalidOptions",
  "private-key-jwt/": "InvalidOptions",
  "jwt-bearer/": "AssertionError",
  "storage-file/": "TokenStorageError",
  "storage-redis/": "TokenStorageError",
  "workload-identity/": "AssertionError"
}

/** The texts and options of the published packages, except for `testing`, whose texts are those of its servers. */
export const readErrorTexts = (root: string): Found => {
  const files = readPackages(root)
    .filter((pkg) => isPublished(pkg) && pkg.folder !== "testing")
    .flatMap(({ directory }) => filesBelow(join(directory, "src"), ".ts"))
    .filter((file) => !file.endsWith("/index.ts"))
  const sources = files.map((file) => ({
    file: relative(join(root, "packages"), file),
    text: readFileSync(file, "utf8")
  }))
  const classes = /^export class (\w+) extends Schema\.TaggedError</gm
  const tags = new Set(sources.flatMap(({ text }) => Array.from(text.matchAll(classes), ([, tag]) => tag ?? "")))
  const { options, texts } = findErrorTexts(sources, tags)
  return {
    options,
    texts: texts.filter(({ file, text }) => !NOT_SHOWN.has(text) && !SILENT_MODULES.includes(file))
  }
}

/** The section of a text. Throws for a module that names no error around its text and stands in no entry of the list. */
const sectionOf = ({ file, tag, text }: ErrorText): Section => {
  if (tag !== undefined) return tag
  const [path] = Object.keys(SECTION_OF)
    .filter((path) => file.startsWith(path))
    .toSorted((a, b) => b.length - a.length)
  const section = path === undefined ? undefined : SECTION_OF[path]
  if (section === undefined) throw new Error(`packages/${file}: add the module to SECTION_OF, for the text "${text}"`)
  return section
}

/** Letters first, so that a text is found by its first known word. */
const sortKey = (text: string): string => text.replace(/^[^\p{L}]+/u, "").toLowerCase()

const escape = (text: string): string => text.replaceAll("|", "\\|").replaceAll("<", "\\<")

const renderTable = (section: Section, texts: ReadonlyArray<ErrorText>): string => {
  const labels = new Map<string, Set<string>>()
  for (const { option, reason, text } of texts) {
    const label = option ?? reason
    const known = labels.get(text) ?? new Set()
    labels.set(text, label === undefined ? known : known.add(label))
  }
  const rows = [...labels].toSorted(([a], [b]) => sortKey(a) < sortKey(b) ? -1 : sortKey(a) > sortKey(b) ? 1 : 0)
  if ([...labels.values()].every((names) => names.size === 0)) {
    return ["| text |", "|---|", ...rows.map(([text]) => `| ${escape(text)} |`)].join("\n")
  }
  return [
    `| text | ${section === "InvalidOptions" ? "option" : section === "Log" ? "event" : "reason"} |`,
    "|---|---|",
    ...rows.map(([text, names]) =>
      `| ${escape(text)} | ${[...names].toSorted().map((name) => `\`${name}\``).join(", ")} |`
    )
  ].join("\n")
}

const beginOf = (section: Section): string => `<!-- texts of ${section}: generated by \`pnpm docs:errors\` -->`
const END = "<!-- end of the texts -->"

/** The page with its tables written anew. Throws if the page lacks the place of a table. */
export const renderErrorPage = (page: string, texts: ReadonlyArray<ErrorText>): string => {
  const bySection = new Map<Section, Array<ErrorText>>(
    Array.from(page.matchAll(/^<!-- texts of (\w+):/gm), ([, section = ""]) => [section, []])
  )
  for (const text of texts) {
    const section = sectionOf(text)
    const own = bySection.get(section)
    if (own === undefined) {
      throw new Error(`${ERROR_PAGE}: there is no place for the table. Write "${beginOf(section)}" and "${END}"`)
    }
    own.push(text)
  }
  return Array.from(bySection).reduce((page, [section, own]) => {
    const begin = page.indexOf(beginOf(section))
    const end = page.indexOf(END, begin)
    if (begin < 0 || end < 0) {
      throw new Error(`${ERROR_PAGE}: write the table of ${section} between "${beginOf(section)}" and "${END}"`)
    }
    const table = own.length === 0 ? "" : `${renderTable(section, own)}\n`
    return `${page.slice(0, begin)}${beginOf(section)}\n${table}${page.slice(end)}`
  }, page)
}
