import { clean } from "../text/clean.ts"
import { errorChain, MAX_ERRORS, messageOf } from "./errorChain.ts"

/** How much of a text that stands for an error is read, in characters. */
const MAX_TEXT = 1000

/** The properties of transport errors that hold neither an answer nor a query. */
const facts = ["code", "errno", "syscall", "hostname", "address", "port", "retryable", "remote"] as const

const isFact = (name: string): boolean => facts.some((fact) => fact === name)

/** Whether every error, or every tagged error, has a property of this name. */
const isUsual = (name: string): boolean => ["name", "message", "_tag"].includes(name)

/** Whether a property of this name has a check of its own. */
const isCheckedApart = (name: string): boolean => ["stack", "cause", "errors"].includes(name)

/** A user name with its password, and a query, in the URLs of a text. */
const withoutUrlSecrets = (text: string): string =>
  text.replaceAll(/(?<=:\/\/)[^\s/@"'?#]*@/g, "").replaceAll(/\?[^\s"')]+/g, "")

/** Whether a value can be shown: no object, and no text with what must not be shown. */
const isHarmlessValue = (value: unknown): boolean =>
  typeof value === "string"
    ? value === clean(withoutUrlSecrets(value))
    : typeof value !== "object" && typeof value !== "function"

/** Whether the stack says no more than the name, the code and the message of an error, besides its frames. */
const isUsualStack = (error: object): boolean => {
  const stack: unknown = "stack" in error ? error.stack : undefined
  if (typeof stack !== "string") return stack === undefined
  const head = stack.replace(/\n[ \t]+at .*/s, "").trimEnd()
  return head.replace(messageOf(error), "").length <= MAX_NAME && isHarmlessValue(head)
}

/** How long the name and the code of an error are together, in characters. */
const MAX_NAME = 100

/**
 * Whether an error is kept unchanged, because it contains no query and nothing that the other side sent. `cause` and
 * `errors` are looked at by themselves.
 */
const isHarmless = (error: object): boolean =>
  isHarmlessValue(messageOf(error)) && isUsualStack(error) &&
  Reflect.ownKeys(error).every((key) => {
    if (typeof key === "string" && isCheckedApart(key)) return true
    const value: unknown = Object.getOwnPropertyDescriptor(error, key)?.value
    if (typeof key === "symbol") return isHarmlessValue(value) || areArguments(value, error)
    return (isUsual(key) || isFact(key)) && isHarmlessValue(value)
  })

/** Whether a value is the object with the arguments of an error of Effect, which has each of them as a property too. */
const areArguments = (value: unknown, error: object): boolean =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype &&
  Reflect.ownKeys(value).every((key) => {
    const descriptor = Object.getOwnPropertyDescriptor(value, key)
    return descriptor !== undefined && "value" in descriptor &&
      descriptor.value === Object.getOwnPropertyDescriptor(error, key)?.value
  })

/** Sets a property that is not enumerated, like those of every error. */
const setHidden = (error: Error, name: string, value: unknown): void => {
  Object.defineProperty(error, name, { value, configurable: true, writable: true })
}

/** An error of its own with the name, the cleaned message and the facts of the given one. */
const copyOf = (error: object): Error => {
  const copy = new Error(clean(withoutUrlSecrets(messageOf(error))))
  const name = "name" in error && typeof error.name === "string" ? clean(error.name) : "Error"
  setHidden(copy, "name", name)
  setHidden(copy, "stack", `${name}: ${copy.message}`)
  for (const fact of facts) {
    const value = Object.getOwnPropertyDescriptor(error, fact)?.value
    if (typeof value === "string") Object.assign(copy, { [fact]: clean(withoutUrlSecrets(value)) })
    if (typeof value === "number" || typeof value === "boolean") Object.assign(copy, { [fact]: value })
  }
  return copy
}

/**
 * The inner errors of an error that are further down the chain. Without this check, an error that is its own cause
 * would make a program that prints it run for ever.
 */
const below = (
  error: object,
  chain: ReadonlyArray<object>
): { readonly cause?: object; readonly errors?: object[] } => {
  const isBelow = (value: unknown): value is object =>
    typeof value === "object" && value !== null && chain.indexOf(value) > chain.indexOf(error)
  return {
    ...("cause" in error && isBelow(error.cause) ? { cause: error.cause } : {}),
    ...("errors" in error && Array.isArray(error.errors) ? { errors: error.errors.filter(isBelow) } : {})
  }
}

/**
 * Whether the chain may be kept: it was read to its end, no error leads back to another, and all errors are harmless.
 */
const canBeKept = (chain: ReadonlyArray<object>): boolean =>
  chain.length < MAX_ERRORS &&
  chain.every((one) =>
    isHarmless(one) && (!("cause" in one) || one.cause === undefined || below(one, chain).cause === one.cause)
  )

/**
 * The error of a transport as the cause of another error. The errors of some transports hold the raw answer (`data` of
 * undici's parser error) or the query of the address; a chain with such an error is replaced by copies of its errors
 * that have the name, the code and the message alone.
 *
 * @internal
 */
export const harmlessCause = (error: unknown): unknown => {
  if (typeof error === "string") return clean(withoutUrlSecrets(error.slice(0, MAX_TEXT)))
  const chain = errorChain(error)
  if (chain.length === 0) return undefined
  if (canBeKept(chain)) return error
  const copies = new Map(chain.map((one) => [one, copyOf(one)]))
  for (const [one, copy] of copies) {
    const { cause, errors } = below(one, chain)
    if (cause !== undefined) setHidden(copy, "cause", copies.get(cause))
    if (errors !== undefined) setHidden(copy, "errors", errors.map((inner) => copies.get(inner)))
  }
  return copies.get(chain[0] ?? {})
}
