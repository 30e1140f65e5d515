import { describe, expect } from "@effect/vitest"
import { Cause } from "effect"
import * as FastCheck from "effect/FastCheck"
import { AccessToken, type OAuthEvent, RefreshPolicy } from "../../../src/index.ts"
import { forReason } from "../../../src/internal/lifecycle/demand.ts"
import { LifecycleState } from "../../../src/internal/lifecycle/lifecycleState.ts"
import { jitter, lifetime, millis } from "../../support/arbitraries/token.ts"
import { finalError, makeToken, transientError } from "./fixtures.ts"
import { property } from "../../support/property.ts"

/** Few tokens, whose times the tests set: the recorder of the tests would search for each further secret. */
const token = FastCheck.constantFrom(
  makeToken({ scopes: ["mcp"] }),
  makeToken(),
  makeToken({ scopes: ["mcp", "read"] })
)

const refused = Cause.fail(finalError())
const unavailable = Cause.fail(transientError())

/** The effects of all commands so far. */
interface Model {
  at: number
  /** The token that is held, valid or expired. */
  token: AccessToken.AccessToken | undefined
  /** Whether a caller has had the held token. */
  isUsed: boolean
  /** Whether an attempt has failed since the held token came. */
  hasFailed: boolean
  /** Whether the background has been paused since the held token came: before its mandatory part, or in it. */
  pause: "No" | "UntilMandatory" | "ForGood"
  /** How many tokens have come. */
  tokens: number
  readonly renewUnused: boolean
}

interface Real {
  readonly state: LifecycleState
  readonly woken: () => number
}

type Command = FastCheck.Command<Model, Real>

/** A command that needs a held token, or none. */
const command = (
  name: string,
  canRun: (model: Readonly<Model>) => boolean,
  run: (model: Model, real: Real) => void
): Command => ({
  check: canRun,
  run: (model, real) => {
    run(model, real)
    checkInvariants(model, real)
  },
  toString: () => name
})

const always = () => true
const holds = ({ token }: Readonly<Model>) => token !== undefined

const held = (model: Model, token: AccessToken.AccessToken): void => {
  model.token = token
  model.isUsed = model.hasFailed = false
  model.pause = "No"
  model.tokens++
}

const checkInvariants = (model: Model, { state, woken }: Real): void => {
  const { at, token } = model
  const { moments } = state.held
  expect(woken()).toBe(model.tokens)
  expect(state.held.token).toBe(token)
  const isValid = token !== undefined && token.issuedAt <= at && at < token.expiresAt
  expect(state.held.valid(at)).toBe(isValid ? token : undefined)
  expect(state.outage.isOngoing(at)).toBe(model.hasFailed)
  const next = state.nextRenewal(at)
  const isLeftToExpire = !model.renewUnused && token !== undefined &&
    at >= moments.renewAt && (!model.isUsed || at >= token.expiresAt)
  if (token === undefined || model.pause === "ForGood" || isLeftToExpire) {
    expect(next).toBe(undefined)
    return
  }
  const until = state.outage.current(at)?.until ?? at
  const paused = model.pause === "UntilMandatory" ? moments.mandatoryAt : at
  // Before its moment, the renewal is planned. From then on it comes when neither an outage nor a pause is in its way.
  expect(next).toBe(at < moments.renewAt ? moments.renewAt : Math.max(at, until, paused))
}

const reason: FastCheck.Arbitrary<OAuthEvent.Reason> = FastCheck.constantFrom(
  "First",
  "Expired",
  "Scheduled",
  "Rejected",
  "StepUp"
)

/** A token that was issued now, or some time ago by another process. */
const issued = (model: Model, template: AccessToken.AccessToken, life: number, age: number) =>
  AccessToken.copy(template, {
    issuedAt: model.at - age,
    expiresAt: model.at - age + life,
    refreshAt: undefined
  })

const wait = FastCheck.oneof(millis(1, 5000), millis(1, 10 ** 7), lifetime).map((millis) =>
  command(`wait ${millis} ms`, always, (model) => {
    model.at += millis
  })
)

const obtain = FastCheck.tuple(token, lifetime, reason, jitter, millis(1, 10_000)).map(
  ([template, life, reason, jitter, latency]) =>
    command(`obtain a token of ${life} ms, ${reason}`, always, (model, { state }) => {
      const token = issued(model, template, life, 0)
      state.acquisitionStarted(model.at)
      held(model, token)
      state.obtained(token, { ...forReason(reason), wanted: template.scopes }, model.at, jitter, latency)
    })
)

const load = FastCheck.tuple(token, lifetime, reason, jitter, jitter).map(([template, life, reason, jitter, age]) =>
  command(`load a token of ${life} ms, ${reason}`, always, (model, { state }) => {
    const token = issued(model, template, life, Math.floor(age * life))
    state.foundInStorage(token)
    held(model, token)
    state.loaded(token, reason, model.at, jitter)
    expect(state.lastStored).toBe(token)
  })
)

const use = FastCheck.constant(command("use", holds, (model, { state }) => {
  state.used()
  model.isUsed = true
}))

const fail = FastCheck.tuple(FastCheck.boolean(), jitter).map(([isFinal, jitter]) =>
  command(`fail ${isFinal ? "for good" : "for now"}`, always, (model, { state }) => {
    state.failed(isFinal ? refused : unavailable, model.at, jitter)
    model.hasFailed = true
  })
)

const pause = FastCheck.constant(command("pause", holds, (model, { state }) => {
  state.backgroundPaused(model.at)
  model.pause = model.at < state.held.moments.mandatoryAt ? "UntilMandatory" : "ForGood"
}))

const reject = FastCheck.constant(command("reject", holds, (model, { state }) => {
  const { token } = model
  if (!state.rejected(model.at)) return
  model.token = undefined
  expect(state.held.rejected).toBe(token)
}))

const refuseStepUp = FastCheck.constant(command("refuse a step-up", always, (_, { state }) => {
  state.stepUpRefused(["admin"])
  expect(state.stepUps.isWorthTrying(["admin"])).toBe(false)
}))

const commands = FastCheck.commands([wait, wait, obtain, load, use, fail, pause, reject, refuseStepUp], {
  maxCommands: 30
})

describe("LifecycleState, after any transitions", () => {
  property(
    "holds the last token, never an expired one as valid, and plans its renewal; a token ends outage and pause",
    [commands, FastCheck.boolean()],
    ([commands, renewUnused]) => {
      FastCheck.modelRun(() => {
        let woken = 0
        const model: Model = {
          at: 0,
          token: undefined,
          isUsed: false,
          hasFailed: false,
          pause: "No",
          tokens: 0,
          renewUnused
        }
        const state = new LifecycleState(RefreshPolicy.make({ renewUnused }), () => woken++)
        return { model, real: { state, woken: () => woken } }
      }, commands)
    }
  )
})
