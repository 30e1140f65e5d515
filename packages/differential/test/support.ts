import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { compare, type Comparison } from "../src/comparison.ts"

/** A test that every difference has a rule, and a test for each rule that it explains a difference. */
export const compared = <I, A>(title: string, comparison: Comparison<I, A>): void => {
  // oxlint-disable-next-line vitest/valid-title -- each comparison has a title of its own
  describe(title, () => {
    const outcome = compare(comparison)
    // The first test reports a rejection.
    outcome.catch(() => {})

    it("gives the same result, or one that a rule explains", async () => {
      const { compared, same } = await outcome
      expect(compared).toBeGreaterThan(comparison.examples.length)
      expect(same).toBeGreaterThan(0)
    })

    it.each(comparison.rules.map(({ name, reason }) => ({ name, reason })))(
      "differs on purpose: $name",
      async ({ name, reason }) => {
        const { explained } = await outcome
        expect(reason).not.toBe("")
        expect(explained.get(name)).toBeGreaterThan(0)
      }
    )
  })
}

/** The result of an effect, or `undefined` if it fails with an error of its own. */
export const resultOf = <A, E>(effect: Effect.Effect<A, E>): Promise<A | undefined> =>
  Effect.runPromise(Effect.catchAll(effect, () => Effect.succeed(undefined)))

/** An answer that both sides get. */
export interface Answer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

export const responseOf = ({ body, contentType, status }: Answer): Response =>
  new Response(body, { status, headers: { "content-type": contentType } })

/** A client that always gets the same answer. */
export const clientWith = (answer: Answer): HttpClient.HttpClient =>
  HttpClient.make((request) => Effect.sync(() => HttpClientResponse.fromWeb(request, responseOf(answer))))

export const json = (value: unknown): Answer => ({
  status: 200,
  contentType: "application/json",
  body: JSON.stringify(value)
})
