import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as AccessToken from "../../AccessToken.ts"
import { TokenStorageError } from "../../OAuthError.ts"
import * as TokenRecord from "../../TokenRecord.ts"
import { supersedes, usefulUntil } from "./replacement.ts"

/** No token is valid for longer, in milliseconds: a year. A record that claims a later expiry is overwritten. */
const LONGEST_LIFE = Duration.toMillis("366 days")

const keep: Effect.Effect<TokenRecord.Change> = Effect.succeed(TokenRecord.Change.Keep())

const write = (
  codec: TokenRecord.Codec,
  name: string,
  token: AccessToken.AccessToken,
  now: number
): Effect.Effect<TokenRecord.Change, TokenStorageError> =>
  Effect.map(
    codec.seal(name, token),
    (record) => TokenRecord.Change.Write({ record, keepFor: Math.max(0, usefulUntil(token) - now) })
  )

const replace = (
  codec: TokenRecord.Codec,
  name: string,
  record: string,
  token: AccessToken.AccessToken,
  now: number
): Effect.Effect<TokenRecord.Change, TokenStorageError> =>
  codec.open(name, record).pipe(
    Effect.matchEffect({
      onSuccess: (stored) => supersedes(token, stored, now) ? write(codec, name, token, now) : keep,
      onFailure: ({ description, reason }) => {
        const left = reason === "UnknownKey" ? TokenRecord.expiresAt(record) - now : 0
        return 0 < left && left <= LONGEST_LIFE
          ? new TokenStorageError({ operation: "set", reason, description })
          : write(codec, name, token, now)
      }
    })
  )

/**
 * What to do with the current record of the name when the token is set.
 *
 * @internal
 */
export const onSet = (codec: TokenRecord.Codec, name: string, token: AccessToken.AccessToken) =>
(
  current: Option.Option<string>
): Effect.Effect<TokenRecord.Change, TokenStorageError> =>
  Effect.flatMap(
    // The time after the record was read: a token that another process stored meanwhile is not from the future.
    Clock.currentTimeMillis,
    (now) =>
      Option.match(current, {
        onNone: () => write(codec, name, token, now),
        onSome: (record) => replace(codec, name, record, token, now)
      })
  )

/**
 * What to do with the current record of the name when the token is removed. Only a record of this very token goes.
 *
 * @internal
 */
export const onRemove = (codec: TokenRecord.Codec, name: string, token: AccessToken.AccessToken) =>
(
  current: Option.Option<string>
): Effect.Effect<TokenRecord.Change> =>
  Option.isNone(current) ? keep : Effect.match(codec.open(name, current.value), {
    onSuccess: (stored): TokenRecord.Change =>
      AccessToken.isSame(stored, token) ? TokenRecord.Change.Remove() : TokenRecord.Change.Keep(),
    onFailure: () => TokenRecord.Change.Keep()
  })
