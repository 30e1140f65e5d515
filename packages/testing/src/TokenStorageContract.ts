/**
 * What every `TokenStorage` keeps to, as cases that any test runner can run.
 *
 * @since 0.1.0
 */
import type { AccessToken } from "@effect-mcp-auth/core/AccessToken"
import { isSame } from "@effect-mcp-auth/core/AccessToken"
import type { TokenStorageError } from "@effect-mcp-auth/core/OAuthError"
import type { TokenKey } from "@effect-mcp-auth/core/TokenKey"
import type { TokenStorage } from "@effect-mcp-auth/core/TokenStorage"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { HOUR, makeKey, makeToken } from "./internal/storageSubject.ts"
import type { Subject } from "./internal/storageSubject.ts"

/**
 * A storage does something else than it must.
 *
 * @since 0.1.0
 * @category errors
 */
export class ContractViolation extends Data.TaggedError("ContractViolation")<{ readonly message: string }> {}

/**
 * One thing that a storage has to do.
 *
 * `check` succeeds if it does. `storage` and `other` are two views of the same place, as two processes have them; a
 * storage that does not leave the process has but one, and `other` is left out. The place need not be empty, and is left
 * with a few tokens in it. Keys and tokens are made up, and new ones each time. Needs a clock that moves by itself
 * wherever the storage does.
 *
 * @since 0.1.0
 * @category models
 */
export interface Case {
  readonly name: string
  readonly check: (
    storage: TokenStorage.Service,
    other?: TokenStorage.Service
  ) => Effect.Effect<void, ContractViolation | TokenStorageError>
}

const violated = (message: string) => new ContractViolation({ message })

const isKept = (actual: Option.Option<AccessToken>, expected: AccessToken): boolean =>
  Option.exists(
    actual,
    (token) =>
      isSame(token, expected) && token.issuedAt === expected.issuedAt && token.expiresAt === expected.expiresAt &&
      token.refreshAt === expected.refreshAt && token.issuer === expected.issuer &&
      token.tokenType === expected.tokenType &&
      token.scopes.join(" ") === expected.scopes.join(" ") && Equal.equals(token.refreshToken, expected.refreshToken)
  )

const expectToken = (storage: TokenStorage.Service, key: TokenKey, expected: AccessToken, when: string) =>
  Effect.flatMap(
    storage.get(key),
    (actual) =>
      isKept(actual, expected) ? Effect.void : violated(
        Option.isNone(actual)
          ? `${when}, the token is not there.`
          : `${when}, another token is there, or something about it has changed.`
      )
  )

const expectNone = (storage: TokenStorage.Service, key: TokenKey, when: string) =>
  Effect.flatMap(
    storage.get(key),
    (actual) => Option.isNone(actual) ? Effect.void : violated(`${when}, there is a token.`)
  )

const make = (
  name: string,
  body: (subject: Subject) => Effect.Effect<void, ContractViolation | TokenStorageError, Scope.Scope>
): Case => ({
  name,
  check: (storage, other = storage) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => body({ storage, other, key: makeKey(), token: makeToken(now) }))
      .pipe(Effect.scoped)
})

/** Long enough for a waiter to do something wrong, whatever the clock: a few visits to the storage. */
const visit = ({ other, storage }: Subject) =>
  Effect.forEach([storage, other], ({ get }) => get(makeKey()), { discard: true }).pipe(Effect.repeatN(4))

/**
 * The contract. What takes time to show is not in it: that a lease lasts while its holder lives, and ends when it has died.
 *
 * @example
 * ```ts
 * import { TokenStorage } from "@effect-mcp-auth/core"
 * import { TokenStorageContract } from "@effect-mcp-auth/testing"
 * import { Effect } from "effect"
 *
 * for (const { check, name } of TokenStorageContract.cases) {
 *   test(name, () => Effect.runPromise(Effect.flatMap(TokenStorage.makeMemory, (storage) => check(storage))))
 * }
 * declare const test: (name: string, body: () => Promise<void>) => void
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const cases: ReadonlyArray<Case> = [
  make("has nothing under a key that was never set", ({ key, storage }) => expectNone(storage, key, "At first")),

  make("gives back all of a token, to everybody", ({ key, other, storage, token }) =>
    Effect.gen(function*() {
      const plain = token()
      yield* storage.set(key, plain)
      yield* expectToken(storage, key, plain, "After set")
      yield* expectToken(other, { ...key }, plain, "After set, for the other view")
      const full = token({
        refreshIn: HOUR / 2,
        refreshToken: Redacted.make("contract-refresh-token"),
        value: "x".repeat(10_000)
      })
      yield* other.set(key, full)
      yield* expectToken(storage, key, full, "After set by the other view, of a long token with all there can be")
    })),

  make(
    "keeps an expired token as long as its refresh token may be good",
    ({ key, other, storage, token }) =>
      Effect.gen(function*() {
        const expired = token({
          issuedIn: -HOUR,
          lifetime: 1000,
          refreshToken: Redacted.make("contract-refresh-token")
        })
        yield* storage.set(key, expired)
        yield* expectToken(other, key, expired, "After an expired one with a refresh token was set")
      })
  ),

  make(
    "takes keys for the same whose scopes and parameters are in another order",
    ({ key, storage, token }) =>
      Effect.gen(function*() {
        const kept = token()
        yield* storage.set({ ...key, parameters: [["x", "1"], ["y", "2"]] }, kept)
        const same = { ...key, scopes: key.scopes.toReversed(), parameters: [["y", "2"], ["x", "1"]] as const }
        yield* expectToken(storage, same, kept, "Under the same key in another order")
      })
  ),

  make("keeps the tokens of different keys apart", ({ key, other, storage, token }) =>
    Effect.gen(function*() {
      const kept = token()
      yield* storage.set(key, kept)
      const others: ReadonlyArray<Partial<TokenKey>> = [
        { issuer: "https://other.example.com" },
        { issuer: `${key.issuer}/tenant` },
        { issuer: `${key.issuer}${key.clientId}`, clientId: "" },
        { clientId: key.clientId.toUpperCase() },
        { authenticationMethod: "none" },
        { grantType: "other" },
        { resource: `${key.resource}/` },
        { resource: key.resource.toUpperCase() },
        { subject: "alice" },
        { scopes: ["a b"] },
        { scopes: ["a,b"] },
        { parameters: [["audience", "y"]] },
        { parameters: [] }
      ]
      for (const changed of others) {
        yield* expectNone(other, { ...key, ...changed }, `Under another ${Object.keys(changed).join()}`)
        yield* other.set({ ...key, ...changed }, token())
        yield* expectToken(storage, key, kept, `After set under another ${Object.keys(changed).join()}`)
      }
    })),

  make("keeps the later of two tokens", ({ key, other, storage, token }) =>
    Effect.gen(function*() {
      const [older, newer] = [token({ issuedIn: -2000 }), token({ issuedIn: -1000 })]
      yield* storage.set(key, older)
      yield* other.set(key, newer)
      yield* expectToken(storage, key, newer, "After a later one was set")
      // Somebody who was paused while the others went on.
      yield* storage.set(key, older)
      yield* expectToken(other, key, newer, "After an earlier one was set")
    })),

  make(
    "lets a token from the future, or an expired one, go",
    ({ key, other, storage, token }) =>
      Effect.gen(function*() {
        const kept = token({ issuedIn: -1000 })
        yield* storage.set(key, token({ issuedIn: HOUR }))
        yield* other.set(key, kept)
        yield* expectToken(storage, key, kept, "After one from the future was replaced")
        const expired = { ...key, clientId: `${key.clientId} expired` }
        yield* storage.set(expired, token({ issuedIn: -10, lifetime: 5 }))
        yield* other.set(expired, kept)
        yield* expectToken(storage, expired, kept, "After an expired one was replaced")
      })
  ),

  make("removes the token that is meant, and no other", ({ key, other, storage, token }) =>
    Effect.gen(function*() {
      const [older, newer] = [token({ issuedIn: -2000 }), token({ issuedIn: -1000 })]
      yield* storage.remove(key, older)
      yield* storage.set(key, older)
      yield* storage.remove(key, older)
      yield* expectNone(other, key, "After remove")
      yield* storage.set(key, older)
      yield* storage.set(key, newer)
      yield* other.remove(key, older)
      yield* expectToken(storage, key, newer, "After remove of the one before")
      yield* other.remove(key, token({ issuedIn: -1000 }))
      yield* expectToken(storage, key, newer, "After remove of another that was issued in the same moment")
      yield* other.remove(key, newer)
      yield* storage.set(key, newer)
      yield* expectToken(other, key, newer, "After remove, and set of the same again")
    })),

  make("keeps the latest of many that are set at once", ({ key, other, storage, token }) =>
    Effect.gen(function*() {
      // The latest first: who looks, and then writes without looking again, leaves the earliest.
      const tokens = Array.from({ length: 20 }, (_, index) => token({ issuedIn: -1 - index }))
      yield* Effect.forEach(tokens, (one, index) => (index % 2 === 0 ? storage : other).set(key, one), {
        concurrency: "unbounded",
        discard: true
      })
      const [latest] = tokens
      if (latest !== undefined) yield* expectToken(other, key, latest, "After twenty were set at once, the latest")
    })),

  make(
    "does not take one that was issued while it looked for one from the future",
    ({ key, other, storage, token }) =>
      Effect.gen(function*() {
        for (let round = 0; round < 20; round++) {
          const name = { ...key, clientId: `${key.clientId} ${round}` }
          const older = yield* Effect.fork(storage.set(name, token({ issuedIn: -1000 })))
          yield* visit({ storage, other, key, token })
          const newer = makeToken(yield* Clock.currentTimeMillis)()
          yield* other.set(name, newer)
          yield* Fiber.join(older)
          yield* expectToken(storage, name, newer, "After an earlier and a later one were set at once, the later")
        }
      })
  ),

  make("gives the lease to one at a time, and to the next when its scope ends", (subject) =>
    Effect.gen(function*() {
      const { key, other, storage } = subject
      let holders = 0
      let turns = 0
      const turn = ({ lease }: TokenStorage.Service) =>
        Effect.gen(function*() {
          yield* lease(key)
          holders++
          if (holders > 1) {
            yield* violated("Two hold the lease at once. A storage that leaves the process needs a `lease` of its own.")
          }
          yield* visit(subject)
          turns++
          holders--
        }).pipe(Effect.scoped)
      yield* Effect.forEach([storage, other, storage, other, other], turn, { concurrency: "unbounded", discard: true })
      if (turns !== 5) yield* violated("Not everybody had a turn.")
    })),

  make(
    "lets a waiter for the lease leave without taking a turn, and others wait on",
    (subject) =>
      Effect.gen(function*() {
        const { key, other, storage } = subject
        const first = yield* Scope.make()
        yield* Effect.addFinalizer(() => Scope.close(first, Exit.void))
        yield* Scope.extend(storage.lease(key), first)
        const leaving = yield* Effect.fork(Effect.scoped(other.lease(key)))
        const waiting = yield* Effect.fork(Effect.scoped(other.lease(key)))
        yield* visit(subject)
        yield* Fiber.interrupt(leaving)
        yield* visit(subject)
        if (Option.isSome(yield* Fiber.poll(waiting))) yield* violated("A waiter has the lease while another holds it.")
        yield* Scope.close(first, Exit.void)
        yield* Fiber.join(waiting)
        yield* storage.lease(key)
      })
  ),

  make(
    "gives leases of different keys at once, and does not need one to read and write",
    (subject) =>
      Effect.gen(function*() {
        const { key, other, storage, token } = subject
        yield* storage.lease(key)
        yield* other.lease({ ...key, clientId: `${key.clientId} other` })
        const kept = token()
        yield* other.set(key, kept)
        yield* expectToken(storage, key, kept, "While another holds the lease")
      })
  )
]
