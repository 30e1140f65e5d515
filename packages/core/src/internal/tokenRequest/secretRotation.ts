import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { checkSecret, faultOfSecret } from "../../authoring/TextOption.ts"
import { CredentialError, InvalidOptions } from "../../OAuthError.ts"
import { warnOnce } from "../telemetry/tokenLog.ts"
import { isReadEachTime, sourceOf } from "./secretReading.ts"

type Secret = Redacted.Redacted<string>

/**
 * The secret of a client, and its replacement after a refusal.
 *
 * @internal
 */
export interface PresentedSecret {
  /** Whether the option is a secret at all. Of Effects only a `Config` is run, since it reads nothing but variables. */
  readonly check: Effect.Effect<void, InvalidOptions>
  /** The secret for the next token request. */
  readonly next: Effect.Effect<Secret, CredentialError>
  /** Returns `true` if there is another secret in place of the refused one. */
  readonly refused: (secret: Secret | undefined) => Effect.Effect<boolean>
}

/** The time limit of the caller's Effect, and of the wait for a run of it. */
const TIMEOUT = Duration.seconds(10)

/** @internal */
export const make = (option: string, given: Secret | Effect.Effect<Secret, unknown>): PresentedSecret => {
  if (Effect.isEffect(given)) return new RotatingSecret(option, given)
  const checked = Effect.suspend(() => checkSecret(option, given, "Give the client's secret."))
  return {
    check: checked,
    next: Effect.mapError(checked, ({ message }) => new CredentialError({ reason: "Malformed", description: message })),
    refused: () => Effect.succeed(false)
  }
}

/** One run of the caller's Effect. Without a result, the fiber that ran it was interrupted. */
type Reading = Deferred.Deferred<Either.Either<Secret, CredentialError> | undefined>

/**
 * A secret that an Effect returns. Token requests share a run. A run that exceeds its time limit is interrupted, and
 * its late result is not stored: the platform may have cancelled the request that started the run.
 */
class RotatingSecret implements PresentedSecret {
  readonly check: Effect.Effect<void, InvalidOptions>
  readonly #option: string
  readonly #effect: Effect.Effect<Secret, unknown>
  #current: Secret | undefined
  /** The secret that the authorization server refused last. The secret is not presented again before the Effect has run. */
  #refused: Secret | undefined
  #reading: Reading | undefined
  /** When the last warning was logged, in milliseconds since the epoch. */
  #warnedAt: number | undefined

  constructor(option: string, effect: Effect.Effect<Secret, unknown>) {
    this.#option = option
    this.#effect = effect
    this.check = Config.isConfig(effect) ? this.#checkConfig : Effect.void
  }

  /** A variable that is not set is a mistake of the caller, and is found before anything is sent. */
  get #checkConfig(): Effect.Effect<void, InvalidOptions> {
    return Effect.either(this.#effect).pipe(
      Effect.flatMap((read) =>
        Either.isRight(read)
          ? checkSecret(this.#option, read.right, "Give the client's secret.")
          : new InvalidOptions({
            option: this.#option,
            description:
              "its `Config` could not be read. Check that its variable is set, or use `layerConfig`, which " +
              "names the variable."
          })
      ),
      Effect.map((secret) => {
        this.#current = secret
      })
    )
  }

  readonly next = Effect.suspend(() => {
    const current = this.#usable()
    if (current === undefined) return this.#read
    if (!isReadEachTime(current)) return Effect.succeed(current)
    // The last secret was accepted, so it stays in use while its source fails.
    return Effect.catchAll(this.#read, (error) =>
      this.#usable() === undefined
        ? error
        : Effect.as(this.#warn(`${error.message} The last secret stays in use.`), current))
  })

  #warn(message: string): Effect.Effect<void> {
    return Effect.flatMap(Clock.currentTimeMillis, (now) =>
      warnOnce(message, this.#warnedAt, now, () => {
        this.#warnedAt = now
      }))
  }

  readonly refused = (secret: Secret | undefined): Effect.Effect<boolean> =>
    Effect.suspend(() => {
      if (secret === undefined) return Effect.succeed(false)
      if (this.#current !== undefined && !isSame(this.#current, secret)) return Effect.succeed(true)
      this.#refused = secret
      return Effect.match(this.#read, { onFailure: () => false, onSuccess: (next) => !isSame(next, secret) })
    })

  /** The secret that was read last, unless it was refused. */
  #usable(): Secret | undefined {
    return this.#current === undefined || isSame(this.#current, this.#refused) ? undefined : this.#current
  }

  readonly #read: Effect.Effect<Secret, CredentialError> = Effect.suspend(() => {
    const reading = this.#reading
    return reading === undefined ? this.#start() : Effect.flatMap(this.#wait(reading), (result) => {
      if (result !== undefined) return result
      this.#end(reading)
      return this.#read
    })
  })

  #start(): Effect.Effect<Secret, CredentialError> {
    const reading: Reading = Deferred.unsafeMake(FiberId.none)
    this.#reading = reading
    return Effect.either(this.#run).pipe(
      Effect.tap((result) =>
        Effect.sync(() => {
          if (this.#reading === reading && Either.isRight(result)) this.#current = result.right
        })
      ),
      Effect.onExit((exit) => {
        this.#end(reading)
        return Deferred.succeed(reading, exit._tag === "Success" ? exit.value : undefined)
      }),
      Effect.flatMap((result) => result)
    )
  }

  #end(reading: Reading): void {
    if (this.#reading === reading) this.#reading = undefined
  }

  #wait(reading: Reading) {
    return Effect.map(Effect.timeoutOption(Deferred.await(reading), TIMEOUT), Option.getOrUndefined)
  }

  get #run(): Effect.Effect<Secret, CredentialError> {
    return this.#effect.pipe(
      // The caller's own error may show the secret, so only an error of this package is passed on.
      Effect.mapError((error) => error instanceof CredentialError ? error : this.#failed(nameOf(error))),
      // A function that throws in `Effect.sync` is a defect, whose message may show the secret as well.
      Effect.catchAllDefect(() => Effect.fail(this.#failed("it died of an exception"))),
      Effect.timeoutFail({
        duration: TIMEOUT,
        onTimeout: () => this.#failed(`it did not end within ${Duration.format(TIMEOUT)}`)
      }),
      Effect.filterOrElse(
        (secret) => faultOfSecret(secret) === undefined,
        (secret) =>
          new CredentialError({
            reason: "Malformed",
            description: `${sourceOf(secret) ?? "The Effect"} in \`${this.#option}\` has a value that was not sent: ${
              faultOfSecret(secret) ?? ""
            }`
          })
      )
    )
  }

  #failed(why: string): CredentialError {
    return new CredentialError({
      reason: "Unavailable",
      description: `The Effect in \`${this.#option}\` returned no secret: ${why}. No token was requested. Check the ` +
        "source of the secret. To explain the failure here, let the Effect fail with a `CredentialError`."
    })
  }
}

/** The tag of an error, which is a name in the caller's program. Its message may show anything. */
const nameOf = (error: unknown): string => {
  const tag = typeof error === "object" && error !== null && "_tag" in error ? error._tag : undefined
  return typeof tag === "string" && /^[\w@./-]{1,80}$/.test(tag) ? `it failed with ${tag}` : "it failed"
}

const isSame = (a: Secret, b: Secret | undefined): boolean =>
  b !== undefined && (a === b || Redacted.value(a) === Redacted.value(b))
