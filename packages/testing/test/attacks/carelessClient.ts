/**
 * Clients that make every mistake: each attack of `HostileServersContract` must be able to defeat one of them.
 */
import { Redacted } from "effect"
import { ClientUnderAttack } from "../../src/index.ts"

/**
 * `"credulous"` believes every server, carries its token everywhere and begins again after every failure. `"muddled"`
 * makes the mistakes of string handling: it cuts what it does not understand, and keeps state between clients.
 */
export type Kind = "credulous" | "muddled"

type Json = Readonly<Record<string, unknown>>

const isJson = (value: unknown): value is Json => typeof value === "object" && value !== null

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const textsOf = (value: unknown): ReadonlyArray<string> => Array.isArray(value) ? value.map(String) : []

const textOf = (value: unknown): string | undefined =>
  value === undefined ? undefined : typeof value === "string" ? value : JSON.stringify(value)

export const make = (kind: Kind): ClientUnderAttack.Client => {
  /** All muddled clients of a network send one request at a time. */
  const queues = new WeakMap<typeof globalThis.fetch, Promise<unknown>>()

  const connect = (setting: ClientUnderAttack.Setting): typeof globalThis.fetch => {
    const { clientId, clientSecret, fetch, scopes, serverUrl } = setting
    const isMuddled = kind === "muddled"
    let token: string | undefined
    let refreshToken: string | undefined
    let expiresAt = Number.POSITIVE_INFINITY
    let endpointOfAnswer: string | undefined
    let usesQuery = false

    const read = async (url: string): Promise<Json> => {
      const value = parsed(await (await fetch(url)).text())
      return isJson(value) ? value : {}
    }

    const scopeOf = (challenge: string, metadata: Json): string | undefined => {
      const asked = /scope="((?:[^"\\]|\\.)*)"/.exec(challenge)?.[1]
      const supported = textsOf(metadata["scopes_supported"])
      if (isMuddled) return [...scopes ?? [], ...supported].join(" ")
      return asked ?? (supported.length > 0 ? supported.join(" ") : scopes?.join(" "))
    }

    const request = async (endpoint: URL, scope: string | undefined, resource: string): Promise<void> => {
      const form = new URLSearchParams({
        grant_type: "client_credentials",
        resource,
        client_id: clientId,
        client_secret: Redacted.value(clientSecret),
        ...scope === undefined ? {} : { scope }
      })
      if (isMuddled) endpoint.search = endpoint.search && String(form)
      const text = await (await fetch(endpoint, { method: "POST", body: form })).text()
      const answer = parsed(text)
      token = isJson(answer) ? String(answer["access_token"]) : text.slice(0, 100)
      if (!isJson(answer) || !isMuddled) return
      token = token.replaceAll(/[^!-~]/g, "")
      expiresAt = Number(answer["expires_in"])
      refreshToken = textOf(answer["refresh_token"])
      endpointOfAnswer = textOf(answer["token_endpoint"])
    }

    const acquire = async (challenge: string): Promise<void> => {
      const named = [...challenge.matchAll(/resource_metadata\w*=["'\\]*([^"'\s,\\]+)/g)]
      const place = new URL(serverUrl)
      place.pathname = `/.well-known/oauth-protected-resource${place.pathname}`
      const address = named.at(isMuddled ? -1 : 0)?.[1] ?? place.href
      const metadata = await read(address)
      usesQuery = isMuddled && textsOf(metadata["bearer_methods_supported"]).includes("query")
      const given = metadata["authorization_servers"]
      const listed: ReadonlyArray<unknown> = Array.isArray(given) ? given.flat() : [new URL(serverUrl).origin]
      for (const server of listed) {
        const base = new URL(String(isJson(server) ? server["href"] : server))
        const found = await read(new URL("/.well-known/oauth-authorization-server", base).href)
        const again = isMuddled ? textsOf((await read(address))["authorization_servers"])[0] : undefined
        const endpoint = endpointOfAnswer ?? (again?.includes("evil") ? again : found["token_endpoint"])
        await request(
          new URL(textOf(endpoint) ?? "/token", base),
          scopeOf(challenge, metadata),
          String(metadata["resource"])
        )
      }
    }

    const send = async (target: string, init: RequestInit | undefined): Promise<Response> => {
      const url = new URL(target)
      if (isMuddled) url.username = url.password = ""
      const headers = new Headers(init?.headers)
      if (token !== undefined) headers.set("authorization", `Bearer ${token}`)
      if (refreshToken !== undefined) headers.set("x-refresh-token", refreshToken)
      if (usesQuery && token !== undefined) {
        headers.delete("authorization")
        url.searchParams.set("access_token", token)
      }
      // Without the signal, which would collect a listener for each of thousands of requests.
      const { signal: _, ...rest } = init ?? {}
      const response = await fetch(url, { ...rest, headers, redirect: "manual" })
      const location = response.headers.get("location")
      return location === null ? response : send(new URL(location, target).href, init)
    }

    const attempt = async (target: string, init: RequestInit | undefined): Promise<Response | undefined> => {
      const response = await send(target, init)
      const challenge = response.headers.get("www-authenticate")
      if (response.ok && challenge === null) return response
      if (isMuddled && challenge !== null && challenge.length > 100_000) await new Promise(() => undefined)
      const page = isMuddled ? /error_uri="([^"]*)"/.exec(challenge ?? "")?.[1] : undefined
      if (page !== undefined) await fetch(page)
      await acquire(challenge ?? "")
      while (isUnusable()) await acquire(challenge ?? "")
      return undefined
    }

    const isUnusable = (): boolean => isMuddled && !(expiresAt >= 1 && expiresAt < 1e12)

    const call = async (target: string, init: RequestInit | undefined): Promise<Response> => {
      for (let index = 0; index < (isMuddled ? 2 : 40); index++) {
        const response = await attempt(target, init).catch(() => undefined)
        if (response !== undefined) return response
      }
      return new Response(null, { status: 599 })
    }

    return (input, init) => {
      const target = input instanceof Request ? input.url : String(input)
      if (!isMuddled) return call(target, init)
      const result = (queues.get(fetch) ?? Promise.resolve()).then(() => call(target, init))
      queues.set(fetch, result)
      return result
    }
  }
  return ClientUnderAttack.fromFetch(connect, { patience: "20 millis" })
}
