/** The vitest runner of a worker: takes the place of a normal run as soon as vitest has set up the process. */
import { connect } from "node:net"
import { VitestTestRunner } from "vitest/runners"
import { onRequest, type Request, type Response, send } from "../protocol.ts"
import { Session } from "./session.ts"

export default class MutationRunner extends VitestTestRunner {
  async onBeforeCollect(): Promise<void> {
    const path = process.env["MUTATION_SOCKET"]
    if (path === undefined) throw new Error("`MUTATION_SOCKET` is missing: `pnpm mutation` starts this runner.")
    const socket = connect(path)
    const say = (message: Response): void => send(socket, message)
    const session = new Session(this)
    await new Promise<void>((resolve, reject) => {
      socket.on("error", reject)
      socket.on("close", () => resolve())
      onRequest(socket, (request) => {
        if (request._tag === "End") return resolve()
        answer(session, request).then(say, reject)
      })
    })
    socket.destroy()
  }
}

const answer = async (session: Session, request: Exclude<Request, { readonly _tag: "End" }>): Promise<Response> =>
  request._tag === "DryRun"
    ? { _tag: "DryRunDone", run: await session.dryRun(request.file) }
    : { _tag: "JobDone", ...await session.run(request.job) }
