import { AssertionProvider } from "@effect-mcp-auth/core/AssertionProvider"
import { Answer, TestNetwork } from "@effect-mcp-auth/testing"
import { GoogleMetadata } from "@effect-mcp-auth/workload-identity"
import { HttpClient, HttpClientError } from "@effect/platform"
import { assert, describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { claimsOf, failureOf, good, issuer, request, world } from "./support.ts"

const flavored = (body: string, status = 200) =>
  new Response(body, { status, headers: { "metadata-flavor": "Google", server: "Metadata Server for VM" } })

/** https://docs.cloud.google.com/compute/docs/instances/verifying-instance-identity */
const google = (origin = "http://metadata.google.internal") =>
  Effect.gen(function*() {
    const network = yield* TestNetwork.TestNetwork
    const issue = issuer()
    yield* network.serve(origin, ({ headers, url }) =>
      Effect.gen(function*() {
        const { pathname, searchParams } = new URL(url)
        if (headers["metadata-flavor"] !== "Google") return flavored("Missing Metadata-Flavor:Google header.", 403)
        const [, account] = /^\/computeMetadata\/v1\/instance\/service-accounts\/([^/]+)\/identity$/.exec(pathname) ??
          []
        if (account !== "default" && account !== "me@project.iam.gserviceaccount.com") return flavored("", 404)
        const audience = searchParams.get("audience")
        if (audience === null) return flavored("non-empty audience parameter required", 400)
        return flavored(searchParams.get("format") === "full" ? yield* issue(audience) : "short")
      }))
    return network
  })

describe("GoogleMetadata.make", () => {
  it.effect("requests a token for the audience as the server requires", () =>
    Effect.gen(function*() {
      const network = yield* google()
      const provider = yield* GoogleMetadata.make()
      expect(claimsOf(yield* provider(request))["aud"]).toBe("https://auth.example.com")
      yield* provider(request)
      const [sent, ...others] = yield* network.requests
      assert.deepStrictEqual(others, [])
      expect(sent?.url).toBe(
        "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/identity" +
          "?audience=https%3A%2F%2Fauth.example.com&format=full"
      )
      expect(sent?.headers["metadata-flavor"]).toBe("Google")
    }).pipe(Effect.provide(world())))

  it.effect("requests a token for the options `audience` and `serviceAccount` from GCE_METADATA_HOST", () =>
    Effect.gen(function*() {
      yield* google("http://metadata:8080")
      const provider = yield* GoogleMetadata.make({
        audience: "//iam.googleapis.com/x",
        serviceAccount: "me@project.iam.gserviceaccount.com"
      })
      expect(claimsOf(yield* provider(request))["aud"]).toBe("//iam.googleapis.com/x")
    }).pipe(Effect.provide(world({ GCE_METADATA_HOST: "metadata:8080" }))))

  it.effect.each([["429", 7000], ["503", 7000], ["403", 7000]] as const)(
    "the error of an answer %s has the wait of its Retry-After (RFC 9110 §10.2.3)",
    ([status, retryAfter]) =>
      Effect.gen(function*() {
        const network = yield* TestNetwork.TestNetwork
        const headers = { "metadata-flavor": "Google", "retry-after": "7" }
        yield* network.serve("http://metadata.google.internal", () =>
          Effect.sync(() => new Response("", { status: Number(status), headers })))
        expect(yield* failureOf(yield* GoogleMetadata.make())).toMatchObject({ retryAfter })
      }).pipe(Effect.provide(world()))
  )

  it.effect.each([["ENOTFOUND", "Unavailable"], ["CERT_HAS_EXPIRED", "CannotSend"]] as const)(
    "a connection that fails with %s is %s, with the code in the message",
    ([code, reason]) =>
      Effect.gen(function*() {
        const cause = new TypeError("fetch failed", { cause: Object.assign(new Error(code), { code }) })
        const provider = yield* GoogleMetadata.make().pipe(
          Effect.provideService(
            HttpClient.HttpClient,
            HttpClient.make((request) =>
              Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport", cause }))
            )
          )
        )
        const error = yield* failureOf(provider)
        expect(error.reason).toBe(reason)
        expect(error.message).toContain(`was not reached: the connection failed (${code}: `)
        expect(error.message).toContain("Run on Google Cloud")
      }).pipe(Effect.provide(world()))
  )

  it.effect.each(
    [
      ["metadata.google.internal", "metadata.google.internal"],
      ["169.254.169.254", "169.254.169.254"],
      ["169.254.169.254:8080", "169.254.169.254:8080"],
      [" metadata:8080\n", "metadata:8080"],
      ["http://metadata:8080", "metadata:8080"],
      ["HTTP://metadata/", "metadata"],
      ["[fd20:ce::254]", "[fd20:ce::254]"],
      ["[fd20:ce::254]:8080", "[fd20:ce::254]:8080"],
      ["fd20:ce::254", "[fd20:ce::254]"],
      ["FD20:CE::254", "[fd20:ce::254]"],
      ["::1", "[::1]"],
      ["::ffff:169.254.169.254", "[::ffff:a9fe:a9fe]"],
      ["http://[fd20:ce::254]:8080/", "[fd20:ce::254]:8080"]
    ] as const
  )("GCE_METADATA_HOST %j leads to %s", ([written, host]) =>
    Effect.gen(function*() {
      const network = yield* google(`http://${host}`)
      const provider = yield* GoogleMetadata.make()
      yield* provider(request)
      const [sent] = yield* network.requests
      expect(sent?.url.startsWith(`http://${host}/computeMetadata/v1/`)).toBe(true)
    }).pipe(Effect.provide(world({ GCE_METADATA_HOST: written }))))

  it.effect.each([
    "https://metadata",
    "ftp://metadata",
    "metadata/path",
    "metadata?a",
    "metadata#a",
    "user@metadata",
    "meta data",
    "metadata:",
    "metadata:99999",
    "metadata:port",
    "[fd20:ce::254",
    "fd20:ce::254]",
    "[metadata]",
    "fe80::1%eth0",
    "1:2:3",
    ":::::",
    "\"metadata\""
  ])("GCE_METADATA_HOST %s is refused by its name, and nothing is sent", (written) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(GoogleMetadata.make())
      expect(error.option).toBe("GCE_METADATA_HOST")
      expect(error.message).toContain("[fd20:ce::254]:80")
      const { requests } = yield* TestNetwork.TestNetwork
      assert.deepStrictEqual(yield* requests, [])
    }).pipe(Effect.provide(world({ GCE_METADATA_HOST: written }))))

  it.effect.each(["", "..", "a/b", "a?b"])(
    "refuses the service account %s",
    (serviceAccount) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(GoogleMetadata.make({ serviceAccount }))
        expect(error.option).toBe("serviceAccount")
      }).pipe(Effect.provide(world()))
  )

  it.effect.each(["https://metadata", "a/b", "a@b"])("refuses the host %s", (host) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(GoogleMetadata.make())
      expect(error.option).toBe("GCE_METADATA_HOST")
    }).pipe(Effect.provide(world({ GCE_METADATA_HOST: host }))))

  it.effect("fails with an error that says that the service account does not exist", () =>
    Effect.gen(function*() {
      yield* google()
      const error = yield* failureOf(yield* GoogleMetadata.make({ serviceAccount: "nobody" }))
      expect(error.reason).toBe("Refused")
      expect(error.message).toContain("answered 404. The machine has no such service account")
    }).pipe(Effect.provide(world())))

  it.effect("when no server answers, fails with an error that asks for Google Cloud", () =>
    Effect.gen(function*() {
      const error = yield* failureOf(yield* GoogleMetadata.make())
      expect(error.reason).toBe("Unavailable")
      expect(error.message).toBe(
        "The metadata server of Google Cloud was not reached: the connection failed. Run on Google Cloud, on a machine " +
          "or in a service that has a service account."
      )
    }).pipe(Effect.provide(world())))

  it.effect.each([200, 302, 500])(
    "rejects an answer with status %d without Metadata-Flavor",
    (status) =>
      Effect.gen(function*() {
        const network = yield* google()
        yield* network.always("other", Answer.text(good(), { status, headers: { location: "http://evil.example" } }))
        const error = yield* failureOf(yield* GoogleMetadata.make())
        expect(error.reason).toBe("Unavailable")
        expect(error.message).toContain(`the answer (${status}) has no \`Metadata-Flavor: Google\``)
        expect(yield* network.count("other")).toBe(1)
      }).pipe(Effect.provide(world()))
  )

  it.effect("fails with a transient error after 429", () =>
    Effect.gen(function*() {
      const network = yield* google()
      yield* network.script("other", Answer.status(503, { headers: { "metadata-flavor": "Google" } }))
      const provider = yield* GoogleMetadata.make()
      expect((yield* failureOf(provider)).message).toContain("answered 503. Try again later.")
      yield* provider(request)
    }).pipe(Effect.provide(world())))

  it.effect.each(["", "short", "<html>canary</html>"])("rejects the token %s", (body) =>
    Effect.gen(function*() {
      const network = yield* google()
      yield* network.script("other", Answer.text(body, { headers: { "metadata-flavor": "Google" } }))
      expect((yield* failureOf(yield* GoogleMetadata.make())).reason).toBe("Malformed")
    }).pipe(Effect.provide(world())))
})

describe("GoogleMetadata.layer", () => {
  it.effect("provides an AssertionProvider", () =>
    Effect.gen(function*() {
      yield* google()
      const provider = yield* Effect.provide(AssertionProvider, GoogleMetadata.layer())
      yield* provider(request)
    }).pipe(Effect.provide(world())))
})
