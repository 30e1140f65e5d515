/**
 * An assertion for `private_key_jwt` with the same claims by each library: what a library costs beside the signature.
 *
 * The base is jose with a key that was imported once. The base takes part twice: the difference between its two figures
 * shows how certain the others are. CPU time is measured, which includes the threads in which WebCrypto signs. The
 * libraries take turns in short rounds, in an order drawn anew for each, and the median of the ratios within a round is
 * reported.
 */
import { SignedAssertion } from "@effect-mcp-auth/core"
import { createPrivateKeyJwtAuth } from "@modelcontextprotocol/client"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { exportPKCS8, generateKeyPair, importPKCS8, SignJWT } from "jose"
import { bars } from "../chart.ts"
import { ours } from "../clients.ts"
import { credentials } from "../control.ts"
import { median, ratios, shuffled, summarize } from "../statistics.ts"
import { forEach } from "../workload.ts"
import type { Bench, Workload } from "../workload.ts"

const { clientId } = credentials
const audience = "https://auth.example.com"
const tokenEndpoint = `${audience}/token`
/** Seconds. */
const lifetime = 300

const mostRatio = 1.1
/** However slow the machine is today. */
const fewestRounds = 10

/** So many a turn that it takes tens of milliseconds. */
const algorithms = [{ alg: "ES256", perTurn: 200 }, { alg: "RS256", perTurn: 40 }] as const
type Algorithm = (typeof algorithms)[number]["alg"]

/** Signs so many, one after the other, and gives the last. */
type Sign = (assertions: number) => Promise<string>

const repeated = (sign: () => Promise<string>): Sign => async (assertions) => {
  let last = ""
  for (let i = 0; i < assertions; i++) last = await sign()
  return last
}

const bareJose = async (pem: string, alg: Algorithm): Promise<Sign> => {
  const key = await importPKCS8(pem, alg)
  return repeated(() => {
    const now = Math.floor(Date.now() / 1000)
    const claims = { iss: clientId, sub: clientId, aud: audience, iat: now, exp: now + lifetime }
    return new SignJWT({ ...claims, jti: crypto.randomUUID() }).setProtectedHeader({ alg, typ: "JWT" }).sign(key)
  })
}

/** In one fiber, as when a token is asked for. */
const signedAssertion = async (pem: string, alg: Algorithm): Promise<Sign> => {
  const provider = await Effect.runPromise(SignedAssertion.make({
    issuer: clientId,
    signingKey: Redacted.make(pem),
    signingAlgorithm: alg,
    lifetime: `${lifetime} seconds`
  }))
  const request = { audience, issuer: audience, tokenEndpoint, resource: "", scopes: [], refused: [] }
  const sign = Effect.suspend(() => provider(request))
  return (assertions) => Effect.runPromise(Effect.map(Effect.repeatN(sign, assertions - 1), Redacted.value))
}

const officialSdk = (pem: string, alg: Algorithm): Promise<Sign> => {
  const authenticate = createPrivateKeyJwtAuth({
    issuer: clientId,
    subject: clientId,
    privateKey: pem,
    alg,
    audience,
    lifetimeSeconds: lifetime
  })
  return Promise.resolve(repeated(async () => {
    const parameters = new URLSearchParams()
    await authenticate(new Headers(), parameters, tokenEndpoint)
    return parameters.get("client_assertion") ?? ""
  }))
}

const field = [
  { name: "jose, key imported once", make: bareJose },
  { name: "jose, key imported once, again", make: bareJose },
  { name: "official SDK, createPrivateKeyJwtAuth", make: officialSdk },
  { name: "SignedAssertion", make: signedAssertion }
]

const takeTurn = async (sign: Sign, assertions: number) => {
  const start = performance.now()
  const before = process.cpuUsage()
  const last = await sign(assertions)
  const { system, user } = process.cpuUsage(before)
  const perSecond = (assertions * 1000) / (performance.now() - start)
  if (last.split(".").length !== 3) throw new Error("What was signed is no JWT")
  return { cpuMicros: (user + system) / assertions, perSecond }
}

/** Rounds until the time is up; in each, everybody has a turn. */
const race = async ({ quick, random }: Bench, { alg, perTurn }: (typeof algorithms)[number]) => {
  const pem = await exportPKCS8((await generateKeyPair(alg, { extractable: true })).privateKey)
  const runners = await forEach(field, async ({ make, name }) => ({
    name,
    sign: await make(pem, alg),
    turns: new Array<Awaited<ReturnType<typeof takeTurn>>>()
  }))
  const warmUp = quick ? 3 : 8
  const budgetMillis = quick ? 2000 : 15_000
  const start = performance.now()
  for (let round = -warmUp; round < fewestRounds || performance.now() - start < budgetMillis; round++) {
    await forEach(shuffled(runners, random), async ({ sign, turns }) => {
      const turn = await takeTurn(sign, perTurn)
      if (round >= 0) turns.push(turn)
    })
  }
  const base = runners[0]?.turns.map(({ cpuMicros }) => cpuMicros) ?? []
  return runners.map(({ name, turns }, i) => {
    const cpuMicros = turns.map((turn) => turn.cpuMicros)
    return {
      alg,
      name,
      rounds: turns.length,
      cpuMicros: median(cpuMicros),
      perSecond: median(turns.map((turn) => turn.perSecond)),
      ratio: i === 0 ? undefined : summarize(ratios(cpuMicros, base))
    }
  })
}

export const signing: Workload = {
  name: "signing",
  run: async (bench) => {
    const results = (await forEach(algorithms, (algorithm) => race(bench, algorithm))).flat()
    return {
      name: "signing",
      title: "Signing an assertion",
      columns: [
        { key: "alg", title: "alg" },
        { key: "rounds", title: "rounds" },
        { key: "perSecond", title: "a second" },
        { key: "cpuMicros", title: "CPU µs" },
        { key: "ratio", title: "ratio", digits: 3 },
        { key: "error", title: "±", digits: 3 },
        { key: "quartiles", title: "quartiles" }
      ],
      lines: results.map(({ alg, cpuMicros, name, perSecond, ratio, rounds }) => ({
        client: name,
        values: {
          alg,
          rounds,
          perSecond,
          cpuMicros,
          ratio: ratio?.median,
          error: ratio?.error,
          quartiles: ratio === undefined ? undefined : `${ratio.lower.toFixed(3)} to ${ratio.upper.toFixed(3)}`
        }
      })),
      targets: results.flatMap(({ alg, name, ratio }) =>
        name === "SignedAssertion" && ratio !== undefined
          // All our clients sign in the same way.
          ? ours.map((competitor) => ({
            client: competitor.name,
            claim: `CPU of an assertion by ${alg}, as a ratio to bare jose`,
            wanted: `at most ${mostRatio}`,
            measured: `${ratio.median.toFixed(3)} ± ${ratio.error.toFixed(3)}`,
            met: ratio.median <= mostRatio
          }))
          : []
      ),
      charts: [bars({
        name: "signing",
        title: "Signing an assertion",
        description: "CPU time of one, in µs, beside bare jose with a key that it imported once",
        ours: new Set(["SignedAssertion"]),
        lines: results.filter(({ alg }) => alg === "ES256").map(({ cpuMicros, name }) => ({
          client: name.replace(/, (key imported once|createPrivateKeyJwtAuth)/, ""),
          values: {
            ES256: cpuMicros,
            RS256: results.find((other) => other.alg === "RS256" && other.name === name)?.cpuMicros
          }
        })),
        panels: algorithms.map(({ alg }) => ({ key: alg, title: `${alg}, µs` }))
      })]
    }
  }
}
