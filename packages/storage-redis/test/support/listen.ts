import { once } from "node:events"
import { createServer, type Server } from "node:net"

/** Starts the server on a free port of the loopback interface, and returns the port. */
export const listen = async (server: Server): Promise<number> => {
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("the server has no port")
  return address.port
}

export const close = async (server: Server): Promise<void> => {
  server.close()
  await once(server, "close")
}

/** A port that is free at this moment. Another process may take it before it is used. */
export const freePort = async (): Promise<number> => {
  const server = createServer()
  const port = await listen(server)
  await close(server)
  return port
}
