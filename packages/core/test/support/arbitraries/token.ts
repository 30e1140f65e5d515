/** Access tokens as token responses make them, with every optional field. */
import { Redacted } from "effect"
import * as FastCheck from "effect/FastCheck"
import { AccessToken } from "../../../src/index.ts"
import { scopes } from "./scope.ts"

/** At least 0 and below 1, as `Random.next` returns it. `FastCheck.double` is not uniform: most of its values are tiny. */
export const jitter: FastCheck.Arbitrary<number> = FastCheck.integer({ min: 0, max: 2 ** 32 - 1 }).map((number) =>
  number / 2 ** 32
)

/** A duration in milliseconds, of every order of magnitude from `min` to `max` alike. */
export const millis = (min: number, max: number): FastCheck.Arbitrary<number> =>
  jitter.map((share) => Math.min(max, Math.round(min * (max / min) ** share)))

/** The lives of tokens, from a second to ten years. */
export const lifetime: FastCheck.Arbitrary<number> = millis(1000, 10 * 366 * 24 * 60 * 60 * 1000)

/** A moment between 1970 and 2100, in milliseconds since the epoch. */
export const moment: FastCheck.Arbitrary<number> = FastCheck.integer({ min: 0, max: Date.UTC(2100, 0) })

/** The value of a token: printable ASCII without spaces (RFC 6749 appendix A.12). */
export const tokenValue: FastCheck.Arbitrary<string> = FastCheck.string({
  unit: FastCheck.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
  minLength: 8,
  maxLength: 40
})

/** The longest life that a token response can give, in milliseconds: a year. A storage takes no longer one. */
const LONGEST_LIFE = 365 * 24 * 60 * 60 * 1000

export const token: FastCheck.Arbitrary<AccessToken.AccessToken> = FastCheck.record({
  value: tokenValue,
  scopes,
  issuer: FastCheck.webUrl(),
  issuedAt: moment,
  life: millis(1000, LONGEST_LIFE),
  refreshAt: FastCheck.option(moment, { nil: undefined }),
  refreshToken: FastCheck.option(tokenValue, { nil: undefined })
}).map(({ issuedAt, issuer, life, refreshAt, refreshToken, scopes, value }) =>
  new AccessToken.AccessToken({
    value: Redacted.make(value),
    tokenType: "Bearer",
    scopes,
    issuer,
    issuedAt,
    expiresAt: issuedAt + life,
    ...(refreshAt === undefined ? {} : { refreshAt }),
    ...(refreshToken === undefined ? {} : { refreshToken: Redacted.make(refreshToken) })
  })
)
