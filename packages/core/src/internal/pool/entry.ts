import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"

/**
 * One value of a pool and its users. An entry is being made first, then in use or idle, and closed at last.
 *
 * @internal
 */
export class Entry<out K, A, E> {
  readonly key: K
  #value: Effect.Effect<A, E>
  /** `undefined` before the lookup has begun, and after the entry was closed. */
  #scope: Scope.CloseableScope | undefined
  /** The user that asked for the entry first. */
  #users = 1
  #isMaking = true
  #isCurrent = true

  constructor(key: K) {
    this.key = key
    this.#value = Effect.never
  }

  /** The value, once there is one, or the error of the lookup. */
  get value(): Effect.Effect<A, E> {
    return this.#value
  }

  /** Whether the pool finds the entry under its key. */
  get isCurrent(): boolean {
    return this.#isCurrent
  }

  get isUnused(): boolean {
    return this.#users === 0 && !this.#isMaking
  }

  use(): void {
    this.#users++
  }

  release(): void {
    this.#users--
  }

  /** The lookup has begun: users wait for it. */
  making(value: Effect.Effect<A, E>): void {
    this.#value = value
  }

  /** The scope of the value; closing the scope closes the value. */
  opened(scope: Scope.CloseableScope): void {
    this.#scope = scope
  }

  /** The lookup has ended. */
  made(exit: Exit.Exit<A, E>): void {
    this.#value = exit
    this.#isMaking = false
  }

  /** Another entry may take the key. */
  displaced(): void {
    this.#isCurrent = false
  }

  /** The scope to close, given out once. */
  takeScope(): Scope.CloseableScope | undefined {
    const scope = this.#scope
    this.#scope = undefined
    return scope
  }
}
