import { assert, describe, expect, it } from "@effect/vitest"
import { Config, ConfigProvider, Deferred, Effect, Exit, Fiber, Redacted, TestClock } from "effect"
import { inspect } from "node:util"
import * as SecretRotation from "../../../src/internal/tokenRequest/secretRotation.ts"
import { OAuthError, Secret } from "../../../src/index.ts"

type Secrets = Effect.Effect<Redacted.Redacted<string>, unknown>

/** A source of the secret that the test can change, and that counts how often it was read. */
const makeSource = (initial = "canary-1") => {
  const state = { value: initial, runs: 0 }
  const effect = Effect.sync(() => {
    state.runs++
    return Redacted.make(state.value)
  })
  return { state, effect }
}

/** A value as JavaScript may return it: the compiler has not seen it. */
const untyped = (value: unknown): Redacted.Redacted<string> =>
  Object.assign({ value: Redacted.make("") }, { value }).value

const rotation = (secret: Redacted.Redacted<string> | Secrets) => SecretRotation.make("clientSecret", secret)

const next = (secret: SecretRotation.PresentedSecret) => Effect.map(secret.next, Redacted.value)

describe("a client secret that is a value", () => {
  it.effect("is presented as it is, and a refusal is final", () =>
    Effect.gen(function*() {
      const secret = rotation(Redacted.make("canary-1"))
      yield* secret.check
      expect(yield* next(secret)).toBe("canary-1")
      expect(yield* secret.refused(yield* secret.next)).toBe(false)
    }))

  it.effect("fails as CredentialError if nobody has checked it", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(rotation(Redacted.make("canary-1\n")).next)
      expect(error).toBeInstanceOf(OAuthError.CredentialError)
      expect([error.reason, error.transient]).toEqual(["Malformed", false])
      expect(error.message).toContain("it ends with a line break")
    }))
})

describe("a client secret that is a `Config`", () => {
  const provider = (variables: ReadonlyArray<readonly [string, string]>) =>
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map(variables)))

  const mistakes: ReadonlyArray<readonly [what: string, config: unknown, value: string | undefined, says: string]> = [
    ["whose variable is not set", Config.redacted("SECRET"), undefined, "its `Config` could not be read"],
    ["whose variable is empty", Config.redacted("SECRET"), "", "it is empty"],
    ["whose variable ends with a line break", Config.redacted("SECRET"), "canary\n", "it ends with a line break"],
    ["of plain text", Config.string("SECRET"), "canary", "it is a plain string"],
    ["of a number", Config.number("SECRET"), "7", "it is a number"]
  ]
  it.effect.each(mistakes)(
    "is refused when the provider is made: one %s",
    ([, config, value, says]) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(rotation(untyped(config)).check)
        expect([error._tag, error.option]).toEqual(["InvalidOptions", "clientSecret"])
        expect(error.message).toContain(says)
        expect(error.message).not.toContain("canary")
      }).pipe(provider(value === undefined ? [] : [["SECRET", value]]))
  )

  it.effect("is presented as it was read when the provider was made", () =>
    Effect.gen(function*() {
      const secret = rotation(Config.redacted("SECRET"))
      yield* provider([["SECRET", "canary-1"]])(secret.check)
      expect(yield* next(secret)).toBe("canary-1")
    }).pipe(provider([])))

  it.effect("is read again after a refusal", () =>
    Effect.gen(function*() {
      const secret = rotation(Config.redacted("SECRET"))
      yield* provider([["SECRET", "canary-1"]])(secret.check)
      const first = yield* secret.next
      expect(yield* provider([["SECRET", "canary-1"]])(secret.refused(first))).toBe(false)
      expect(yield* provider([["SECRET", "canary-2"]])(secret.refused(first))).toBe(true)
      expect(yield* next(secret)).toBe("canary-2")
    }).pipe(provider([])))
})

describe("a client secret that is an Effect", () => {
  it.effect.each<readonly [what: string, effect: Secrets]>([
    [
      "throws",
      Effect.sync((): Redacted.Redacted<string> => {
        throw new Error("never shown")
      })
    ],
    ["dies", Effect.die("never shown")]
  ])("is a CredentialError without the reason if it %s", ([, effect]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(rotation(effect).next)
      expect([error._tag, error.reason, error.transient]).toEqual(["CredentialError", "Unavailable", true])
      expect(error.message).toContain("it died of an exception")
      expect(inspect(error, { depth: 9 })).not.toContain("never shown")
    }))

  it.effect("is read at the first use, and not again while it is accepted", () =>
    Effect.gen(function*() {
      const { effect, state } = makeSource()
      const secret = rotation(effect)
      yield* secret.check
      expect(state.runs).toBe(0)
      yield* Effect.replicateEffect(secret.next, 10)
      expect(state.runs).toBe(1)
    }))

  it.effect("is read again after a refusal, which says whether another secret came", () =>
    Effect.gen(function*() {
      const { effect, state } = makeSource()
      const secret = rotation(effect)
      const first = yield* secret.next
      expect(yield* secret.refused(first)).toBe(false)
      expect(state.runs).toBe(2)
      state.value = "canary-2"
      // The refused secret is not presented again before the source is read.
      expect(yield* next(secret)).toBe("canary-2")
      expect(state.runs).toBe(3)
      state.value = "canary-3"
      expect(yield* secret.refused(Redacted.make("canary-2"))).toBe(true)
      expect(yield* next(secret)).toBe("canary-3")
      expect(state.runs).toBe(4)
    }))

  it.effect("is read once for 100 refusals at the same time", () =>
    Effect.gen(function*() {
      const { effect, state } = makeSource()
      const secret = rotation(Effect.delay(effect, "1 second"))
      const reading = yield* Effect.fork(secret.next)
      yield* TestClock.adjust("1 second")
      const first = yield* Fiber.join(reading)
      state.value = "canary-2"
      const refusals = yield* Effect.forEach(Array.from({ length: 100 }), () => Effect.fork(secret.refused(first)))
      yield* TestClock.adjust("1 second")
      for (const fiber of refusals) expect(yield* Fiber.join(fiber)).toBe(true)
      expect(state.runs).toBe(2)
      // A late refusal of the old secret finds the new one.
      expect(yield* secret.refused(first)).toBe(true)
      expect(state.runs).toBe(2)
    }))

  it.effect("a late result does not replace a newer secret", () =>
    Effect.gen(function*() {
      const slow = yield* Deferred.make<Redacted.Redacted<string>>()
      let runs = 0
      // The first run cannot be interrupted, and ends long after its time limit.
      const secret = rotation(Effect.suspend(() =>
        ++runs === 1 ? Effect.uninterruptible(Deferred.await(slow)) : Effect.succeed(Redacted.make("canary-new"))
      ))
      const late = yield* Effect.fork(secret.next)
      yield* TestClock.adjust(0)
      const waiter = yield* Effect.fork(secret.next)
      yield* TestClock.adjust("11 seconds")
      expect(Redacted.value(yield* Fiber.join(waiter))).toBe("canary-new")
      yield* Deferred.succeed(slow, Redacted.make("canary-old"))
      yield* Fiber.await(late)
      expect(yield* next(secret)).toBe("canary-new")
      expect(runs).toBe(2)
    }))

  it.effect("is read by a waiter itself if the first reader is interrupted", () =>
    Effect.gen(function*() {
      let runs = 0
      const secret = rotation(
        Effect.suspend(() => ++runs === 1 ? Effect.never : Effect.succeed(Redacted.make("canary")))
      )
      const first = yield* Effect.fork(secret.next)
      yield* TestClock.adjust(0)
      const second = yield* Effect.fork(secret.next)
      yield* TestClock.adjust(0)
      yield* Fiber.interrupt(first)
      expect(Redacted.value(yield* Fiber.join(second))).toBe("canary")
      expect(runs).toBe(2)
    }))

  it.effect("is Unavailable if it does not end in time", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(Effect.flip(rotation(Effect.never).next))
      yield* TestClock.adjust("10 seconds")
      const error = yield* Fiber.join(fiber)
      expect([error.reason, error.transient]).toEqual(["Unavailable", true])
      expect(error.message).toContain("it did not end within 10s")
    }))

  it.effect.each<readonly [what: string, failure: unknown, says: string]>([
    [
      "a tagged error",
      { _tag: "VaultError", message: "do-not-show" },
      "returned no secret: it failed with VaultError."
    ],
    ["an Error", new Error("do-not-show"), "returned no secret: it failed."],
    ["a text", "do-not-show", "returned no secret: it failed."],
    ["a strange tag", { _tag: "do-not-show \n" }, "returned no secret: it failed."]
  ])(
    "is Unavailable with advice if it fails with %s, which is not shown",
    ([_, failure, says]) =>
      Effect.gen(function*() {
        const secret = rotation(Effect.fail(failure))
        const error = yield* Effect.flip(secret.next)
        assert(error instanceof OAuthError.CredentialError)
        expect([error.reason, error.transient]).toEqual(["Unavailable", true])
        expect(error.message).toContain(`The Effect in \`clientSecret\` ${says}`)
        expect(error.message).toContain("let the Effect fail with a `CredentialError`")
        for (const shown of [String(error), JSON.stringify(error), inspect(error, { depth: 9 })]) {
          expect(shown).not.toContain("do-not-show")
        }
        expect(yield* secret.refused(Redacted.make("canary-1"))).toBe(false)
      })
  )

  it.effect("passes on a CredentialError of the caller", () =>
    Effect.gen(function*() {
      const failure = new OAuthError.CredentialError({ reason: "Unavailable", description: "The vault is sealed." })
      expect(yield* Effect.flip(rotation(Effect.fail(failure)).next)).toBe(failure)
    }))

  it.effect.each<readonly [what: string, value: unknown, says: string]>([
    ["undefined", undefined, "it is undefined. Give a value"],
    ["a plain string", "canary-secret", "it is a plain string. Wrap it in `Redacted.make`."],
    ["a wrapped undefined", Redacted.make(undefined), "its `Redacted` holds undefined"],
    ["an empty secret", Redacted.make(""), "it is empty"],
    ["a line break at the end", Redacted.make("canary-secret\n"), "it ends with a line break"],
    ["a byte order mark", Redacted.make("\ufeffcanary-secret"), "it holds a byte order mark"],
    ["a control character", Redacted.make("canary\u0000secret"), "it holds a control character"]
  ])("is Malformed if it returns %s", ([_, value, says]) =>
    Effect.gen(function*() {
      const secret = rotation(Effect.succeed(untyped(value)))
      const exit = yield* Effect.exit(secret.next)
      assert(Exit.isFailure(exit))
      const error = yield* Effect.flip(exit)
      expect([error.reason, error.transient]).toEqual(["Malformed", false])
      expect(error.message).toContain(`The Effect in \`clientSecret\` has a value that was not sent: ${says}`)
      expect(error.message).not.toContain("canary")
    }))
})

describe("a client secret that is read for every token request", () => {
  it.effect("is read again at each use, so that a new one needs no refusal", () =>
    Effect.gen(function*() {
      const { effect, state } = makeSource()
      const secret = rotation(Effect.map(Secret.readEachTime(effect), (value) => value))
      expect(yield* next(secret)).toBe("canary-1")
      state.value = "canary-2"
      expect(yield* next(secret)).toBe("canary-2")
      expect(state.runs).toBe(2)
      // A late refusal of the old one.
      expect(yield* secret.refused(Redacted.make("canary-1"))).toBe(true)
    }))

  it.effect("is the last one while its source fails, unless that was refused", () =>
    Effect.gen(function*() {
      const { effect, state } = makeSource()
      let works = true
      const failure = new OAuthError.CredentialError({ reason: "Unavailable", description: "No file." })
      const secret = rotation(Secret.readEachTime(Effect.suspend(() => works ? effect : Effect.fail(failure))))
      const first = yield* secret.next
      works = false
      expect(yield* next(secret)).toBe("canary-1")
      expect(yield* secret.refused(first)).toBe(false)
      expect(yield* Effect.flip(secret.next)).toBe(failure)
      works = true
      state.value = "canary-2"
      expect(yield* next(secret)).toBe("canary-2")
    }))
})
