/**
 * Starts stages and works their switches at the request of another process, which may run another version of Effect.
 *
 * The first line of the output is the URL of the control server. There, `POST /stages` with the options of a stage as JSON
 * makes one and answers its `id` and `settings`; `POST /stages/<id>/<switch>` works a switch and answers when it is done;
 * `GET /stages/<id>` answers the state; `DELETE /stages/<id>` closes the servers of a stage. The program ends when its
 * standard input does.
 */
import { runMain } from "@effect-mcp-auth/examples/runMain"
import * as Effect from "effect/Effect"
import * as Control from "./Control.ts"

const program = Effect.gen(function*() {
  const { url } = yield* Control.make
  console.log(url)
  yield* Effect.async<void>((resume) => {
    process.stdin.once("end", () => resume(Effect.void)).resume()
  })
})

runMain(Effect.scoped(program))
