/**
 * What stands at a port in the place of a Redis.
 */
import { Effect } from "effect"
import { once } from "node:events"
import { connect, createServer, type Socket } from "node:net"

/** For the scope; gives the URL. */
const listen = (onConnection: (socket: Socket) => void) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const sockets = new Set<Socket>()
      const server = createServer((socket) => {
        sockets.add(socket)
        socket.on("error", () => {}).once("close", () => sockets.delete(socket))
        onConnection(socket)
      }).listen(0, "127.0.0.1")
      await once(server, "listening")
      const address = server.address()
      if (address === null || typeof address === "string") throw new Error("no port")
      return { server, sockets, url: `redis://127.0.0.1:${address.port}` }
    }),
    ({ server, sockets }) =>
      Effect.promise(async () => {
        for (const socket of sockets) socket.destroy()
        server.close()
        await once(server, "close")
      })
  ).pipe(Effect.map(({ url }) => url))

/** Says what a Redis would say in rare trouble, or never: an answer, as on the wire, to each command by its name. */
export const makeAnswering = (answers: Record<string, string>) =>
  listen((socket) =>
    socket.on("data", (chunk) => {
      // A command begins with the number of its parts; the first of them is its name, behind the length of that.
      for (const [, name = ""] of String(chunk).matchAll(/^\*\d+\r\n\$\d+\r\n(\w+)\r\n/gm)) {
        socket.write(`${answers[name.toLowerCase()] ?? "+OK"}\r\n`)
      }
    })
  )

/** An address that stands for another server after a failover: each connection goes to the port of its moment. */
export const makeAddress = (portOf: () => number) =>
  listen((socket) => {
    const behind = connect(portOf(), "127.0.0.1")
    behind.on("error", () => {}).once("close", () => socket.destroy())
    socket.once("close", () => behind.destroy())
    socket.pipe(behind).pipe(socket)
  })
