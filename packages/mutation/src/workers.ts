/** The worker processes of a run. A worker that is silent for too long is ended, and another takes its place. */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer, type Server, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { onResponse, type Request, type Response, send } from "./protocol.ts"

/** The milliseconds that a worker may take beyond the limit that it announced. */
const GRACE = 10_000

/** The milliseconds that a worker may take for its start, or to load a test file. */
const LOADING = 120_000

/** A worker answers nothing any more: it runs code that never ends. */
export class Silent extends Error {}

/** Where the workers of a run find what they share. */
export interface Site {
  readonly socket: string
  readonly codeFile: string
  readonly server: Server
  readonly close: () => void
}

/** Writes the instrumented code where workers read it, and listens for them. */
export const openSite = async (code: ReadonlyMap<string, string>): Promise<Site> => {
  const directory = mkdtempSync(join(tmpdir(), "mutation-"))
  const socket = join(directory, "socket")
  const codeFile = join(directory, "code.json")
  writeFileSync(codeFile, JSON.stringify(Object.fromEntries(code)))
  const server = createServer()
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(socket, resolve))
  return {
    socket,
    codeFile,
    server,
    close: () => {
      server.close()
      rmSync(directory, { recursive: true, force: true })
    }
  }
}

/** A worker that takes one request at a time. */
export class Worker {
  readonly #process: ChildProcess
  readonly #socket: Socket
  #onMessage: (message: Response) => void = () => undefined

  private constructor(process: ChildProcess, socket: Socket) {
    this.#process = process
    this.#socket = socket
    socket.on("error", () => undefined)
    onResponse(socket, (message) => this.#onMessage(message))
  }

  /** Starts a worker for the tests of a package. Workers of one site start one after the other. */
  static async start(site: Site, directory: string): Promise<Worker> {
    const child = spawn(process.execPath, [join(import.meta.dirname, "worker", "host.ts"), directory, site.codeFile], {
      env: { SIMULATION_SEEDS: "20", ...process.env, MUTATION_SOCKET: site.socket, NODE_ENV: "test" },
      stdio: ["ignore", "pipe", "pipe"],
      // A group of its own, so that the program can end vitest's child process as well.
      detached: true
    })
    let output = ""
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (data: Buffer) => {
        output = `${output}${data.toString("utf8")}`.slice(-4_000)
      })
    }
    const socket = await new Promise<Socket>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`A worker did not start:\n${output}`)), LOADING)
      child.once("exit", (status) => {
        clearTimeout(timer)
        reject(new Error(`A worker ended with status ${status} before its first request:\n${output}`))
      })
      site.server.once("connection", (connection: Socket) => {
        clearTimeout(timer)
        resolve(connection)
      })
    })
    return new Worker(child, socket)
  }

  /** Sends a request and waits for its answer. Fails with `Silent` if the worker hangs or has died. */
  ask<Tag extends "DryRunDone" | "JobDone">(request: Request, tag: Tag): Promise<Extract<Response, { _tag: Tag }>> {
    return new Promise((resolve, reject) => {
      let timer = setTimeout(() => undefined, 0)
      const expectWithin = (milliseconds: number): void => {
        clearTimeout(timer)
        timer = setTimeout(() => end(() => reject(new Silent())), milliseconds)
      }
      const end = (settle: () => void): void => {
        clearTimeout(timer)
        this.#socket.off("close", onClose)
        settle()
      }
      const onClose = (): void => end(() => reject(new Silent()))
      this.#socket.on("close", onClose)
      this.#onMessage = (message) => {
        if (message._tag === "Busy") return expectWithin(message.limit + GRACE)
        if (isTagged(message, tag)) end(() => resolve(message))
      }
      expectWithin(LOADING)
      send(this.#socket, request)
    })
  }

  /** Ends the worker and its children at once. */
  kill(): void {
    this.#socket.destroy()
    const { pid } = this.#process
    if (pid === undefined) return
    try {
      process.kill(-pid, "SIGKILL")
    } catch {
      // The group has ended already.
    }
  }
}

const isTagged = <Tag extends Response["_tag"]>(
  message: Response,
  tag: Tag
): message is Extract<Response, { _tag: Tag }> => message._tag === tag
