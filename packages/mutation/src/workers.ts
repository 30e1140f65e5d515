/** The worker processes of a run. */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { onResponse, type Request, type Response, send } from "./protocol.ts"

/** The milliseconds that a worker may take for its start, or to answer, however busy the machine is. */
const LIMIT = 15 * 60_000

/** A worker has ended without an answer. With a mutant the reason is a test that used too much CPU time. */
export class Silent extends Error {}

/** Where the workers of a run find what they share. */
export interface Site {
  readonly socket: string
  readonly codeFile: string
  /** The connection of the next worker. Any worker of the run can serve any slot. */
  readonly connection: (signal: AbortSignal) => Promise<Socket>
  readonly close: () => void
}

/** Writes the instrumented code where workers read it, and listens for them. */
export const openSite = async (code: ReadonlyMap<string, string>): Promise<Site> => {
  const directory = mkdtempSync(join(tmpdir(), "mutation-"))
  const socket = join(directory, "socket")
  const codeFile = join(directory, "code.json")
  writeFileSync(codeFile, JSON.stringify(Object.fromEntries(code)))
  const connected: Array<Socket> = []
  const waiting = new Set<(socket: Socket) => void>()
  const server = createServer((connection) => {
    const [first] = waiting
    if (first === undefined) return void connected.push(connection)
    waiting.delete(first)
    first(connection)
  })
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(socket, resolve))
  return {
    socket,
    codeFile,
    connection: (signal) =>
      new Promise((resolve, reject) => {
        const first = connected.shift()
        if (first !== undefined) return resolve(first)
        waiting.add(resolve)
        signal.addEventListener("abort", () => {
          waiting.delete(resolve)
          reject(signal.reason)
        })
      }),
    close: () => {
      server.close()
      rmSync(directory, { recursive: true, force: true })
    }
  }
}

/** Vitest's server with its worker. */
export class Host {
  readonly #process: ChildProcess
  readonly #site: Site
  #output = ""

  constructor(site: Site, directory: string) {
    this.#site = site
    const program = join(import.meta.dirname, "worker", "host.ts")
    this.#process = spawn(process.execPath, [program, directory, site.codeFile], {
      env: { SIMULATION_SEEDS: "20", ...process.env, MUTATION_SOCKET: site.socket, NODE_ENV: "test" },
      stdio: ["ignore", "pipe", "pipe"],
      // A group of its own, so that the program can end vitest's child process as well.
      detached: true
    })
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.on("data", (data: Buffer) => {
        this.#output = `${this.#output}${data.toString("utf8")}`.slice(-4_000)
      })
    }
  }

  /** Waits for the worker. Fails with `Silent` if none starts. */
  async worker(): Promise<Worker> {
    const failed = new AbortController()
    const fail = (what: string): void => failed.abort(new Silent(`${what}:\n${this.#output}`))
    this.#process.once("exit", () => fail("The process of the workers has ended"))
    setTimeout(() => fail("No worker has started"), LIMIT).unref()
    return Worker.from(await this.#site.connection(failed.signal))
  }

  /** Ends the server and its worker at once. */
  kill(): void {
    if (this.#process.pid === undefined) return
    try {
      process.kill(-this.#process.pid, "SIGKILL")
    } catch {
      // The group has ended already.
    }
  }
}

/** A worker that takes one request at a time. */
export class Worker {
  readonly #socket: Socket
  #onMessage: (message: Response) => void

  private constructor(socket: Socket) {
    this.#socket = socket
    this.#onMessage = () => undefined
  }

  /** The worker at the other end of a connection. */
  static from(socket: Socket): Worker {
    const worker = new Worker(socket)
    socket.on("error", () => undefined)
    onResponse(socket, (message) => worker.#onMessage(message))
    return worker
  }

  /** Sends a request and waits for its answer. Fails with `Silent` if the worker ends, or does not answer. */
  ask<Tag extends "DryRunDone" | "JobDone">(request: Request, tag: Tag): Promise<Extract<Response, { _tag: Tag }>> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        clearTimeout(timer)
        this.#socket.off("close", onSilence)
        settle()
      }
      const onSilence = (): void => end(() => reject(new Silent("A worker has ended, or does not answer.")))
      const timer = setTimeout(onSilence, LIMIT)
      if (this.#socket.destroyed) return onSilence()
      this.#socket.on("close", onSilence)
      this.#onMessage = (message) => {
        if (isTagged(message, tag)) end(() => resolve(message))
      }
      send(this.#socket, request)
    })
  }
}

const isTagged = <Tag extends Response["_tag"]>(
  message: Response,
  tag: Tag
): message is Extract<Response, { _tag: Tag }> => message._tag === tag
