/**
 * Servers that are not a Redis, at a URL where the storage expects one.
 */
import { Effect } from "effect"
import { connect, createServer, type Socket } from "node:net"
import { close, listen } from "./listen.ts"

/** A server that runs until the scope closes. Returns its URL. */
const serve = (onConnection: (socket: Socket) => void) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const sockets = new Set<Socket>()
      const server = createServer((socket) => {
        sockets.add(socket)
        socket.on("error", () => {}).once("close", () => sockets.delete(socket))
        onConnection(socket)
      })
      return { server, sockets, url: `redis://127.0.0.1:${await listen(server)}` }
    }),
    ({ server, sockets }) =>
      Effect.promise(async () => {
        for (const socket of sockets) socket.destroy()
        await close(server)
      })
  ).pipe(Effect.map(({ url }) => url))

/** Sends replies that a Redis sends rarely or never: for each command name, the reply as on the wire. */
export const makeAnswering = (answers: Record<string, string>) =>
  serve((socket) =>
    socket.on("data", (chunk) => {
      // A command starts with the number of its parts. The first part is the name, after its length.
      for (const [, name = ""] of String(chunk).matchAll(/^\*\d+\r\n\$\d+\r\n(\w+)\r\n/gm)) {
        socket.write(`${answers[name.toLowerCase()] ?? "+OK"}\r\n`)
      }
    })
  )

/** An address that leads to another server after a failover: each new connection goes to the port of that moment. */
export const makeAddress = (portOf: () => number) =>
  serve((socket) => {
    const behind = connect(portOf(), "127.0.0.1")
    behind.on("error", () => {}).once("close", () => socket.destroy())
    socket.once("close", () => behind.destroy())
    socket.pipe(behind).pipe(socket)
  })
