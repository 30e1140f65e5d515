/**
 * The output of the demo: acts, every exchange as it happens, what happens to the tokens, checks, and a summary. Lines
 * are at most 100 columns wide. Colours appear only on a terminal that shows them (`styleText` respects `NO_COLOR`).
 */
import { styleText } from "node:util"

/** One request and its answer. */
export interface Hop {
  /** The name of the server that answered. */
  readonly server: string
  readonly request: string
  readonly status: number
  readonly millis: number
  /** The short hash of the token in the request. */
  readonly token: string | undefined
  /** The ids (`jti`) of the assertions in a token request. */
  readonly assertions: ReadonlyArray<string>
}

export interface Transcript {
  readonly title: (text: string, facts: ReadonlyArray<readonly [name: string, value: string]>) => void
  readonly act: (title: string, explanation: string) => void
  readonly hop: (hop: Hop) => void
  /** Prints what happened to a token. */
  readonly token: (token: string, what: string) => void
  readonly note: (text: string) => void
  /** Prints whether a condition holds, and returns it. */
  readonly check: (holds: boolean, text: string) => boolean
  readonly summary: (rows: ReadonlyArray<readonly [name: string, value: string | number, remark?: string]>) => void
  /** Seconds since the transcript was made. */
  readonly elapsed: () => number
  /** The texts of the checks that did not hold. */
  readonly broken: ReadonlyArray<string>
}

export const make = (print: (line: string) => void = console.log): Transcript => {
  const started = performance.now()
  const elapsed = () => (performance.now() - started) / 1000
  const event = (text: string) => print(`${styleText("dim", `${elapsed().toFixed(3).padStart(8)} s`)}  ${text}`)
  const paint = painter()
  const broken: Array<string> = []

  return {
    elapsed,
    broken,
    title: (text, facts) => {
      print(`\n${styleText("bold", text)}\n`)
      for (const [name, value] of facts) print(`  ${name.padEnd(22)}${value}`)
    },
    act: (title, explanation) => {
      print(`\n${styleText("bold", title)}\n${styleText("dim", explanation)}\n`)
    },
    hop: ({ millis, request, server, status, token }) =>
      event(
        [
          server.padEnd(4),
          request.padEnd(52),
          styleText(status < 400 ? "green" : "yellow", String(status)),
          `${millis.toFixed(0)} ms`.padStart(7),
          token === undefined ? "" : paint(token)
        ].join("  ").trimEnd()
      ),
    token: (token, what) => event(`${styleText("bold", "token")} ${paint(token)} ${what}`),
    note: event,
    check: (holds, text) => {
      if (!holds) broken.push(text)
      print(`${" ".repeat(10)}  ${holds ? styleText("green", "✓") : styleText("red", "✗")} ${text}`)
      return holds
    },
    summary: (rows) => {
      print(`\n${styleText("bold", "Summary")}\n`)
      for (const [name, value, remark = ""] of rows) {
        print(`  ${name.padEnd(36)}${String(value).padStart(6)}   ${styleText("dim", remark)}`.trimEnd())
      }
      print("")
    }
  }
}

/** Paints each token in a colour of its own, so that a change of token is easy to see. */
const painter = () => {
  const colours = ["cyan", "magenta", "blue", "yellow", "green"] as const
  const known = new Map<string, (typeof colours)[number]>()
  return (token: string): string => {
    const colour = known.get(token) ?? colours[known.size % colours.length] ?? "cyan"
    known.set(token, colour)
    return styleText(colour, token)
  }
}
