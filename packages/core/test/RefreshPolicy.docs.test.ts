/**
 * The numbers on the page about a token's life are those of the code.
 */
import { describe, expect, it } from "@effect/vitest"
import { Duration, Redacted } from "effect"
import { readFileSync } from "node:fs"
import { AccessToken, OAuthError, RefreshPolicy } from "../src/index.ts"

const read = (name: string) => readFileSync(new URL(`../docs/${name}`, import.meta.url), "utf8")

/** The cells of the table whose first heading is given, row by row. */
const tableOf = (page: string, heading: string): ReadonlyArray<ReadonlyArray<string>> => {
  const lines = page.slice(page.indexOf(`| ${heading} |`)).split("\n")
  const end = lines.findIndex((line) => !line.startsWith("|"))
  return lines.slice(2, end).map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()))
}

const unitOf: Readonly<Record<string, number>> = { s: 1000, min: 60_000, h: 3_600_000 }

/** "23 h 59 min" in milliseconds. */
const millisOf = (text: string): number => {
  expect(text).toMatch(/^[\d.]+ (?:s|min|h)(?: [\d.]+ (?:s|min|h))*$/)
  return Array.from(text.matchAll(/([\d.]+) (\w+)/g))
    .reduce((sum, [, count = "", unit = ""]) => sum + Number(count) * (unitOf[unit] ?? Number.NaN), 0)
}

/** The earliest and the latest renewal, and the beginning of the mandatory part. */
const momentsOf = (life: number) => {
  const token = new AccessToken.AccessToken({
    value: Redacted.make("canary"),
    tokenType: "Bearer",
    scopes: [],
    issuer: "https://auth.example.com",
    issuedAt: 0,
    expiresAt: life
  })
  const { mandatoryAt, renewAt } = RefreshPolicy.moments(RefreshPolicy.standard, token, 0)
  return [renewAt, RefreshPolicy.moments(RefreshPolicy.standard, token, 1).renewAt, mandatoryAt]
}

/** A default as the page writes it. `undefined` for a function of the life, which has a table of its own. */
const cellOf = (value: RefreshPolicy.RefreshPolicy[keyof RefreshPolicy.RefreshPolicy]) => {
  if (typeof value === "function") return undefined
  if (typeof value === "boolean") return `\`${value}\``
  return Duration.isDuration(value)
    ? Duration.toMillis(value)
    : Object.entries(value).map(([name, duration]) => [`\`${name}\``, Duration.toMillis(duration)])
}

const parsed = (cell: string) => {
  if (cell.startsWith("by the life")) return undefined
  if (cell === "`true`" || cell === "`false`") return cell
  if (!cell.startsWith("`")) return millisOf(cell)
  return cell.split(", ").map((part) => {
    const [name = "", ...duration] = part.split(" ")
    return [name, millisOf(duration.join(" "))]
  })
}

const page = read("token-life.md")

describe("the page on a token's life", () => {
  it("shows for five lives when a token is renewed", () => {
    const rows = tableOf(page, "it lives").map((row) => row.map(millisOf))
    expect(rows.length).toBe(5)
    for (const [life = 0, ...moments] of rows) expect(moments).toEqual(momentsOf(life))
  })

  it("lists every option, in order, with its default", () => {
    expect(tableOf(page, "option").map(([name = "", cell = ""]) => [name, parsed(cell)])).toEqual(
      Object.entries(RefreshPolicy.standard).map(([name, value]) => [`\`${name}\``, cellOf(value)])
    )
  })

  it("names the longest windows", () => {
    const { advisoryWindow, mandatoryWindow } = RefreshPolicy.standard
    const longest = (of: (lifetime: Duration.Duration) => Duration.Duration) =>
      [20, 90, 60 * 24 * 365].map((life) => Duration.toMinutes(of(Duration.minutes(life))))
    expect(longest(advisoryWindow)).toEqual([5, 15, 60])
    expect(longest(mandatoryWindow)).toEqual([1, 1, 1])
    expect(page.replaceAll("\n", " ")).toContain(
      "a quarter of it, and at most 15 minutes for lives up to 90 minutes, 60 beyond"
    )
    expect(page).toContain("a twentieth of it, and at most a minute")
  })

  it("shows a picture whose durations are those of a token of an hour", () => {
    const { patience } = RefreshPolicy.standard
    const away = new OAuthError.TokenEndpointError({ reason: "Unavailable", url: "", description: "" })
    const picture = read("token-life.svg").replace(/<desc.*<\/desc>/, "")
    const shown = Array.from(picture.matchAll(/>([^<]+)<\/text>/g)).flatMap(([, text = ""]) =>
      Array.from(text.matchAll(/\d+ (?:s|min)\b/g), ([duration]) => millisOf(duration))
    )
    expect(new Set(shown)).toEqual(
      new Set([
        ...momentsOf(3_600_000),
        3_600_000,
        Duration.toMillis(patience.withToken),
        Duration.toMillis(patience.withoutToken),
        RefreshPolicy.delay(RefreshPolicy.standard, 30, away, 1, true)
      ])
    )
  })
})
