/**
 * A copy of the options that a caller gives. For authors of providers.
 *
 * A caller can change its objects after the call: a list of scopes, the arguments of a command, a `URL`. Options that
 * were checked once must stay what they were, so each constructor reads them once and uses its own copy.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"

/**
 * A copy of the options. Each field is read once, so that a getter cannot answer twice. The fields that an object of a
 * class inherits are options too. Lists, maps, sets, `URL` objects and plain objects in the options are copied as well. All other values are the same ones: functions, objects of a class,
 * Effects, secrets, keys, and plain objects with functions, such as a `ClientAuthentication`.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import * as OwnOptions from "@effect-mcp-auth/core/authoring/OwnOptions"
 *
 * export const make = (options: { readonly args: ReadonlyArray<string> }) => {
 *   const { args } = OwnOptions.read(options)
 *   return () => args.join(" ")
 * }
 * ```
 */
export const read = <Options>(options: Options): Options =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a copy has the type of its original
  (Predicate.isObject(options) && typeof options !== "function"
    ? Array.isArray(options) ? copy(options, new Map()) : fieldsOf(options, new Map(), 0)
    : options) as Options

/** Options are not nested deeper than this. Deeper values are the same ones, so that no stack overflows. */
const MAX_DEPTH = 64

const copy = (value: unknown, known: Map<object, unknown>, depth = 0): unknown => {
  if (typeof value !== "object" || value === null || depth > MAX_DEPTH) return value
  if (known.has(value)) return known.get(value)
  if (Array.isArray(value)) {
    const list: Array<unknown> = []
    known.set(value, list)
    // The copy has an entry in place of each hole.
    for (const one of Array.from<unknown>(value)) list.push(copy(one, known, depth + 1))
    return list
  }
  if (value instanceof URL) return new URL(value)
  if (value instanceof Map) return new Map([...value].map(([key, one]) => [key, copy(one, known, depth + 1)] as const))
  if (value instanceof Set) return new Set(value)
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null ? fieldsOf(value, known, depth) : value
}

/** The fields of an object. An object with functions is a service of the caller's, and stays what it is. */
const fieldsOf = (value: object, known: Map<object, unknown>, depth: number): object => {
  const fields = Object.fromEntries(namesOf(value).map((name) => [name, Reflect.get(value, name)]))
  const isService = known.size > 0 && Object.values(fields).some(Predicate.isFunction)
  if (isService) {
    known.set(value, value)
    return value
  }
  known.set(value, fields)
  for (const name of Object.keys(fields)) fields[name] = copy(fields[name], known, depth + 1)
  return fields
}

/** The names of the fields. An object of a class may have its options as getters, which are in its prototype. */
const namesOf = (value: object): ReadonlyArray<PropertyKey> => {
  const names = new Set<PropertyKey>()
  let holder: object | null = value
  while (holder !== null && holder !== Object.prototype) {
    for (const name of Reflect.ownKeys(holder)) names.add(name)
    holder = Object.getPrototypeOf(holder)
  }
  // Every class has a constructor, and none is an option.
  if (Object.getPrototypeOf(value) !== Object.prototype) names.delete("constructor")
  return [...names]
}
