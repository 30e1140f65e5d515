import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"

/** Effect's own clock, which programs have by default. */
const live: Clock.Clock = Context.get(DefaultServices.liveServices, Clock.Clock)

/** The longest timer, in milliseconds. Effect's own clock never ends a longer sleep. */
const LONGEST_TIMER = 2 ** 31 - 1

/**
 * Lets the process end although the timer has not fired. In Node.js and Bun the timer has a method for this, in Deno
 * there is a function. In browsers and Workers no timer prevents the end.
 */
const unref = (timer: unknown): void => {
  if (Predicate.hasProperty(timer, "unref") && Predicate.isFunction(timer.unref)) return void timer.unref()
  const globals: object = globalThis
  const deno = Predicate.hasProperty(globals, "Deno") ? globals.Deno : undefined
  if (Predicate.hasProperty(deno, "unrefTimer") && Predicate.isFunction(deno.unrefTimer)) deno.unrefTimer(timer)
}

const sleep = (duration: Duration.Duration): Effect.Effect<void> =>
  Effect.async((resume) => {
    const millis = Duration.toMillis(duration)
    if (millis > LONGEST_TIMER) return
    const timer = setTimeout(() => resume(Effect.void), millis)
    unref(timer)
    return Effect.sync(() => clearTimeout(timer))
  })

/** All of Effect's own clock but its timers. */
const background: Clock.Clock = Object.create(live, { sleep: { value: sleep } })

/**
 * A clock with the same time, whose timers do not keep the process running. A script whose work is done can then end,
 * even if a token is to be renewed in 45 minutes and the script did not close its provider. A waiting caller has a
 * timer of its own, by the given clock, which keeps the process running.
 *
 * Only Effect's own clock has timers of the platform. Any other clock, such as `TestClock`, is returned as it is.
 *
 * @internal
 */
export const of = (clock: Clock.Clock): Clock.Clock => clock === live ? background : clock
