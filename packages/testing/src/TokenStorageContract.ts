/**
 * The contract of `TokenStorage`, as cases that any test runner can run.
 *
 * @since 0.1.0
 */
import type { AccessToken } from "@effect-mcp-auth/core/AccessToken"
import type { TokenStorageError } from "@effect-mcp-auth/core/OAuthError"
import type { TokenKey } from "@effect-mcp-auth/core/TokenKey"
import type { TokenStorage } from "@effect-mcp-auth/core/TokenStorage"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import type { YieldWrap } from "effect/Utils"
import { ContractViolation } from "./ContractViolation.ts"
import { discoveryCases } from "./internal/discoveryCases.ts"
import { HOUR, isStored, makeKey, makeToken } from "./internal/storageSubject.ts"
import type { Subject } from "./internal/storageSubject.ts"

export { ContractViolation } from "./ContractViolation.ts"

/**
 * One case of the contract.
 *
 * `check` succeeds if the storage meets the contract. `storage` and `other` are two views of the same place, as two
 * processes have them. A storage that does not leave the process has only one view: leave `other` out. The place need
 * not be empty. Each case invents new keys and tokens, and leaves a few tokens in the place. If the storage needs a
 * clock that moves by itself, run the cases on one (`it.live`).
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

const expectToken = (storage: TokenStorage.Service, key: TokenKey, expected: AccessToken, when: string) =>
  Effect.flatMap(
    storage.get(key),
    (actual) =>
      isStored(actual, expected) ? Effect.void : violated(
        Option.isNone(actual)
          ? `${when}, the token is missing.`
          : `${when}, the storage has another token, or a member of the token has changed.`
      )
  )

const expectNone = (storage: TokenStorage.Service, key: TokenKey, when: string) =>
  Effect.flatMap(
    storage.get(key),
    (actual) =>
      Option.isNone(actual) ? Effect.void : violated(`${when}, the storage has a token where it must have none.`)
  )

const make = (
  name: string,
  body: (subject: Subject) => Generator<
    YieldWrap<Effect.Effect<unknown, ContractViolation | TokenStorageError, Scope.Scope>>,
    void,
    never
  >
): Case => ({
  name,
  check: (storage, other = storage) =>
    Effect.flatMap(
      Clock.currentTimeMillis,
      (now) => Effect.gen(() => body({ storage, other, key: makeKey(), token: makeToken(now) }))
    ).pipe(Effect.scoped)
})

/** A few visits to the storage: long enough for a waiter to do something wrong, whatever the clock. */
const visit = ({ other, storage }: Subject) =>
  Effect.forEach([storage, other], ({ get }) => get(makeKey()), { discard: true }).pipe(Effect.repeat({ times: 4 }))

/**
 * The cases of the contract. Not included, since they take time: a lease lasts while its holder lives, and expires
 * after the holder has died.
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
  make("get returns nothing for a key that was never set", function*({ key, storage }) {
    yield* expectNone(storage, key, "Before set")
  }),

  make("get returns every member of the stored token, in both views", function*({ key, other, storage, token }) {
    const plain = token()
    yield* storage.set(key, plain)
    yield* expectToken(storage, key, plain, "After set")
    yield* expectToken(other, { ...key }, plain, "After set, in the other view")
    const full = token({
      refreshIn: HOUR / 2,
      refreshToken: Redacted.make("contract-refresh-token"),
      value: "x".repeat(10_000)
    })
    yield* other.set(key, full)
    yield* expectToken(storage, key, full, "After set by the other view, with a long token that has every member")
  }),

  make("get returns an expired token that has a refresh token", function*({ key, other, storage, token }) {
    const expired = token({
      issuedIn: -HOUR,
      lifetime: 1000,
      refreshToken: Redacted.make("contract-refresh-token")
    })
    yield* storage.set(key, expired)
    yield* expectToken(other, key, expired, "After set of an expired token with a refresh token")
  }),

  make("keys with scopes and parameters in another order are the same key", function*({ key, storage, token }) {
    const kept = token()
    yield* storage.set({ ...key, parameters: [["x", "1"], ["y", "2"]] }, kept)
    const same = { ...key, scopes: key.scopes.toReversed(), parameters: [["y", "2"], ["x", "1"]] as const }
    yield* expectToken(storage, same, kept, "Under the same key with another order")
  }),

  make("tokens of different keys do not affect each other", function*({ key, other, storage, token }) {
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
  }),

  make("set does not replace a token with one that was issued earlier", function*({ key, other, storage, token }) {
    const [older, newer] = [token({ issuedIn: -2000 }), token({ issuedIn: -1000 })]
    yield* storage.set(key, older)
    yield* other.set(key, newer)
    yield* expectToken(storage, key, newer, "After set of a later token")
    // A process that was paused while the others went on.
    yield* storage.set(key, older)
    yield* expectToken(other, key, newer, "After set of an earlier token")
  }),

  make("set replaces a token from the future, and an expired one", function*({ key, other, storage, token }) {
    const kept = token({ issuedIn: -1000 })
    yield* storage.set(key, token({ issuedIn: HOUR }))
    yield* other.set(key, kept)
    yield* expectToken(storage, key, kept, "After set over a token from the future")
    const expired = { ...key, clientId: `${key.clientId} expired` }
    yield* storage.set(expired, token({ issuedIn: -10, lifetime: 5 }))
    yield* other.set(expired, kept)
    yield* expectToken(storage, expired, kept, "After set over an expired token")
  }),

  make("remove deletes only the token that it is given", function*({ key, other, storage, token }) {
    const [older, newer] = [token({ issuedIn: -2000 }), token({ issuedIn: -1000 })]
    yield* storage.remove(key, older)
    yield* storage.set(key, older)
    yield* storage.remove(key, older)
    yield* expectNone(other, key, "After remove")
    yield* storage.set(key, older)
    yield* storage.set(key, newer)
    yield* other.remove(key, older)
    yield* expectToken(storage, key, newer, "After remove of the previous token")
    yield* other.remove(key, token({ issuedIn: -1000 }))
    yield* expectToken(storage, key, newer, "After remove of another token that was issued at the same time")
    yield* other.remove(key, newer)
    yield* storage.set(key, newer)
    yield* expectToken(other, key, newer, "After remove and set of the same token")
  }),

  make("the latest of twenty tokens that are set at once is stored", function*({ key, other, storage, token }) {
    // The latest first: a storage that reads, and then writes without reading again, ends with the earliest.
    const tokens = Array.from({ length: 20 }, (_, index) => token({ issuedIn: -1 - index }))
    yield* Effect.forEach(tokens, (one, index) => (index % 2 === 0 ? storage : other).set(key, one), {
      concurrency: "unbounded",
      discard: true
    })
    const [latest] = tokens
    if (latest !== undefined) yield* expectToken(other, key, latest, "After set of twenty tokens at once")
  }),

  make(
    "set does not take a token for one from the future that was issued while set was running",
    function*({ key, other, storage, token }) {
      for (let round = 0; round < 20; round++) {
        const name = { ...key, clientId: `${key.clientId} ${round}` }
        const older = yield* Effect.fork(storage.set(name, token({ issuedIn: -1000 })))
        yield* visit({ storage, other, key, token })
        const newer = makeToken(yield* Clock.currentTimeMillis)()
        yield* other.set(name, newer)
        yield* Fiber.join(older)
        yield* expectToken(storage, name, newer, "After set of an earlier and a later token at once")
      }
    }
  ),

  make("lease has one holder at a time, and passes to the next when the holder's scope closes", function*(subject) {
    const { key, other, storage } = subject
    let holders = 0
    let turns = 0
    const turn = ({ lease }: TokenStorage.Service) =>
      Effect.gen(function*() {
        yield* lease(key)
        holders++
        if (holders > 1) {
          yield* violated(
            "The lease has two holders at once. A storage that several processes share needs a `lease` of its own."
          )
        }
        yield* visit(subject)
        turns++
        holders--
      }).pipe(Effect.scoped)
    yield* Effect.forEach([storage, other, storage, other, other], turn, {
      concurrency: "unbounded",
      discard: true
    })
    if (turns !== 5) yield* violated("Some callers never got the lease.")
  }),

  make("an interrupted waiter for the lease does not get it, and the other waiters still do", function*(subject) {
    const { key, other, storage } = subject
    const first = yield* Scope.make()
    yield* Effect.addFinalizer(() => Scope.close(first, Exit.void))
    yield* Scope.extend(storage.lease(key), first)
    const leaving = yield* Effect.fork(Effect.scoped(other.lease(key)))
    const waiting = yield* Effect.fork(Effect.scoped(other.lease(key)))
    yield* visit(subject)
    yield* Fiber.interrupt(leaving)
    yield* visit(subject)
    if (waiting.unsafePoll() !== null) {
      yield* violated("A waiter got the lease while another caller held it.")
    }
    yield* Scope.close(first, Exit.void)
    yield* Fiber.join(waiting)
    yield* storage.lease(key)
  }),

  make("leases of different keys are independent, and get and set need no lease", function*(subject) {
    const { key, other, storage, token } = subject
    yield* storage.lease(key)
    yield* other.lease({ ...key, clientId: `${key.clientId} other` })
    const kept = token()
    yield* other.set(key, kept)
    yield* expectToken(storage, key, kept, "While another caller holds the lease")
  }),

  ...discoveryCases({ violated, expectNone, expectToken }).map(({ body, name }) =>
    make(name, function*(subject) {
      yield* body(subject)
    })
  )
]
