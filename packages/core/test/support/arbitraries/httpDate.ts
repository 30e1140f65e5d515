/** Moments, each in the three forms of an HTTP date (RFC 9110 §5.6.7). */
import * as FastCheck from "effect/FastCheck"

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

export const forms = ["IMF-fixdate", "rfc850-date", "asctime-date"] as const

export type Form = typeof forms[number]

export const form: FastCheck.Arbitrary<Form> = FastCheck.constantFrom(...forms)

/** A moment as a server writes it. `at` is in milliseconds since the epoch, and a whole second. */
export const print = (at: number, form: Form): string => {
  const date = new Date(at)
  const two = (number: number) => String(number).padStart(2, "0")
  const day = DAYS[date.getUTCDay()] ?? ""
  const month = MONTHS[date.getUTCMonth()] ?? ""
  const time = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(":")
  const dayOfMonth = date.getUTCDate()
  const year = date.getUTCFullYear()
  switch (form) {
    case "IMF-fixdate":
      return `${day.slice(0, 3)}, ${two(dayOfMonth)} ${month} ${year} ${time} GMT`
    case "rfc850-date":
      return `${day}, ${two(dayOfMonth)}-${month}-${two(year % 100)} ${time} GMT`
    case "asctime-date":
      return `${day.slice(0, 3)} ${month} ${String(dayOfMonth).padStart(2, " ")} ${time} ${year}`
  }
}

/** A whole second of the years 2000 to 2049, of which two digits of the year say enough, in milliseconds. */
export const second: FastCheck.Arbitrary<number> = FastCheck.integer({
  min: Date.UTC(2000, 0) / 1000,
  max: Date.UTC(2049, 0) / 1000
}).map((seconds) => seconds * 1000)
