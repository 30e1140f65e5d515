import { AssertionProvider } from "@effect-mcp-auth/core/AssertionProvider"
import { Answer, TestNetwork } from "@effect-mcp-auth/testing"
import { AzureManagedIdentity } from "@effect-mcp-auth/workload-identity"
import { assert, describe, expect, it } from "@effect/vitest"
import { Cause, ConfigError, ConfigProvider, Effect, TestClock } from "effect"
import { claimsOf, failureOf, issuer, json, jwt, request, world } from "./support.ts"

/** https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token */
const imds = Effect.gen(function*() {
  const network = yield* TestNetwork.TestNetwork
  const issue = issuer()
  yield* network.serve("http://169.254.169.254", ({ headers, url }) =>
    Effect.gen(function*() {
      const { pathname, searchParams } = new URL(url)
      const invalid = (error_description: string) => json({ error: "invalid_request", error_description }, 400)
      if (pathname !== "/metadata/identity/oauth2/token") return json({}, 404)
      if (headers["metadata"] !== "true") return invalid("Required metadata header not specified")
      if (searchParams.get("api-version") !== "2018-02-01") return invalid("Unsupported api-version")
      if (searchParams.get("client_id") === "unknown") return invalid("Identity not found")
      const resource = searchParams.get("resource")
      if (resource === null) return invalid("Required query variable 'resource' is missing")
      return json({
        access_token: yield* issue(resource, 86_400),
        client_id: searchParams.get("client_id") ?? "system",
        expires_in: "86399",
        expires_on: "86399",
        resource,
        token_type: "Bearer"
      })
    }))
  return network
})

const variables = {
  IDENTITY_ENDPOINT: "http://169.254.131.2:8081/msi/token",
  IDENTITY_HEADER: "canary-853b9a84"
}

/** https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference */
const appService = Effect.gen(function*() {
  const network = yield* TestNetwork.TestNetwork
  const issue = issuer()
  yield* network.serve("http://169.254.131.2:8081", ({ headers, url }) =>
    Effect.gen(function*() {
      const { pathname, searchParams } = new URL(url)
      const header = headers["x-identity-header"]
      if (header !== "canary-853b9a84") return json({ statusCode: 401, message: `Not ${header}` }, 401)
      if (pathname !== "/msi/token" || searchParams.get("api-version") !== "2019-08-01") return json({}, 404)
      return json({
        access_token: yield* issue(searchParams.get("resource")),
        expires_on: "3600",
        token_type: "Bearer"
      })
    }))
  return network
})

const exchange = { resource: "api://AzureADTokenExchange" }

describe("AzureManagedIdentity with IMDS", () => {
  it.effect("requests a token for the resource as the service requires", () =>
    Effect.gen(function*() {
      const network = yield* imds
      const provider = yield* AzureManagedIdentity.make(exchange)
      expect(claimsOf(yield* provider(request))["aud"]).toBe("api://AzureADTokenExchange")
      const [sent] = yield* network.requests
      expect(sent?.url).toBe(
        "http://169.254.169.254/metadata/identity/oauth2/token" +
          "?api-version=2018-02-01&resource=api%3A%2F%2FAzureADTokenExchange"
      )
      expect(sent?.headers["metadata"]).toBe("true")
      // A day, less a minute.
      yield* TestClock.adjust("86339 seconds")
      yield* provider(request)
      expect(yield* network.count("other")).toBe(1)
      yield* TestClock.adjust("1 second")
      yield* provider(request)
      expect(yield* network.count("other")).toBe(2)
    }).pipe(Effect.provide(world())))

  it.effect("requests a token for the requested audience without `resource`", () =>
    Effect.gen(function*() {
      yield* imds
      const provider = yield* AzureManagedIdentity.make()
      expect(claimsOf(yield* provider(request))["aud"]).toBe("https://auth.example.com")
    }).pipe(Effect.provide(world())))

  const identities: ReadonlyArray<readonly [AzureManagedIdentity.Options, name: string, value: string]> = [
    [{ clientId: "c" }, "client_id", "c"],
    [{ objectId: "o" }, "object_id", "o"],
    [{ resourceId: "/subscriptions/s" }, "msi_res_id", "/subscriptions/s"]
  ]
  it.effect.each(identities)(
    "requests a token of a user-assigned identity: %j",
    ([identity, name, value]) =>
      Effect.gen(function*() {
        const network = yield* imds
        yield* (yield* AzureManagedIdentity.make(identity))(request)
        const [sent] = yield* network.requests
        expect(new URL(sent?.url ?? "").searchParams.get(name)).toBe(value)
      }).pipe(Effect.provide(world()))
  )

  it.effect("fails with InvalidOptions for two identities", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(AzureManagedIdentity.make({ clientId: "c", resourceId: "r" }))
      expect(error.message).toBe("`resourceId`: `clientId` names an identity already. Give one of the two.")
    }).pipe(Effect.provide(world())))

  it.effect("quotes the error of IMDS", () =>
    Effect.gen(function*() {
      yield* imds
      const error = yield* failureOf(yield* AzureManagedIdentity.make({ clientId: "unknown" }))
      expect(error.reason).toBe("Refused")
      expect(error.message).toContain("(IMDS) answered 400 (Identity not found). Run on an Azure machine that has a")
    }).pipe(Effect.provide(world())))

  it.effect.each([404, 410, 429, 500, 503])(
    "fails with a transient error after %d",
    (status) =>
      Effect.gen(function*() {
        const network = yield* imds
        yield* network.script("other", Answer.status(status))
        const provider = yield* AzureManagedIdentity.make()
        expect((yield* failureOf(provider)).reason).toBe("Unavailable")
        yield* provider(request)
      }).pipe(Effect.provide(world()))
  )

  it.effect("when no server answers, fails with an error that asks for an Azure machine", () =>
    Effect.gen(function*() {
      const error = yield* failureOf(yield* AzureManagedIdentity.make())
      expect(error.message).toContain("(IMDS) was not reached")
    }).pipe(Effect.provide(world())))

  const names: ReadonlyArray<readonly [string, string]> = [
    ["api://11111111-2222", "11111111-2222"],
    ["https://vault.azure.net/", "https://vault.azure.net"],
    ["https://vault.azure.net", "https://vault.azure.net/"]
  ]
  it.effect.each(names)("accepts a token for %s whose aud is %s", ([resource, aud]) =>
    Effect.gen(function*() {
      const network = yield* imds
      yield* network.always("other", Answer.json({ access_token: jwt({ aud, exp: 3600 }) }))
      yield* (yield* AzureManagedIdentity.make({ resource }))(request)
      const other = yield* AzureManagedIdentity.make({ resource, audience: "another" })
      expect((yield* failureOf(other)).reason).toBe("WrongAudience")
    }).pipe(Effect.provide(world())))

  it.effect.each([{}, { access_token: 7 }, [], null, "canary"])(
    "rejects the answer %j",
    (answer) =>
      Effect.gen(function*() {
        const network = yield* imds
        yield* network.always("other", Answer.json(answer))
        const error = yield* failureOf(yield* AzureManagedIdentity.make())
        expect(error.reason).toBe("Malformed")
        expect(error.message).toContain("answered 200 without an `access_token`")
      }).pipe(Effect.provide(world()))
  )
})

describe("AzureManagedIdentity with App Service", () => {
  it.effect("requests a token for the resource as the service requires", () =>
    Effect.gen(function*() {
      const network = yield* appService
      const provider = yield* AzureManagedIdentity.make({ ...exchange, objectId: "o" })
      expect(claimsOf(yield* provider(request))["aud"]).toBe("api://AzureADTokenExchange")
      const [sent] = yield* network.requests
      expect(sent?.url).toBe(
        "http://169.254.131.2:8081/msi/token?api-version=2019-08-01&resource=api%3A%2F%2FAzureADTokenExchange&principal_id=o"
      )
      expect(sent?.headers["metadata"]).toBeUndefined()
    }).pipe(Effect.provide(world(variables))))

  it.effect("quotes the error of the service, without the secret header", () =>
    Effect.gen(function*() {
      yield* appService
      const error = yield* failureOf(yield* AzureManagedIdentity.make())
      expect(error.message).toContain("(IDENTITY_ENDPOINT) answered 401 (Not <redacted>)")
    }).pipe(Effect.provide(world({ ...variables, IDENTITY_HEADER: "canary-other" }))))

  it.effect.each(Object.keys(variables))(
    "needs both variables, and fails without %s",
    (name) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(AzureManagedIdentity.make())
        expect(error.option).toBe(name)
        expect(error.message).toContain("the variable is not set. App Service, Functions and Container Apps set")
      }).pipe(Effect.provide(world({ ...variables, [name]: "" })))
  )

  it.effect.each([" http://169.254.131.2:8081/msi/token\n", "HTTP://169.254.131.2:8081/msi/token"])(
    "accepts the address %j, with space around it and in any case",
    (address) =>
      Effect.gen(function*() {
        yield* appService
        const provider = yield* AzureManagedIdentity.make(exchange)
        expect(claimsOf(yield* provider(request))["aud"]).toBe("api://AzureADTokenExchange")
      }).pipe(Effect.provide(world({ ...variables, IDENTITY_ENDPOINT: address })))
  )

  it.effect.each([
    "msi/token",
    "localhost:8081/msi/token",
    "169.254.131.2:8081/msi/token",
    "'http://169.254.131.2:8081/msi/token'",
    "http://169.254.131.2:8081/msi/token#a",
    "http://a:b@169.254.131.2:8081/msi/token",
    "http://msi.example/token",
    "ftp://localhost"
  ])(
    "does not send the secret header to %s",
    (address) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(AzureManagedIdentity.make())
        expect(error.option).toBe("IDENTITY_ENDPOINT")
        const { requests } = yield* TestNetwork.TestNetwork
        assert.deepStrictEqual(yield* requests, [])
      }).pipe(Effect.provide(world({ ...variables, IDENTITY_ENDPOINT: address })))
  )

  it.effect.each([
    ["IMDS_ENDPOINT", "Azure Arc"],
    ["IDENTITY_SERVER_THUMBPRINT", "Service Fabric"]
  ])("fails on a platform that sets %s", ([variable, platform]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(AzureManagedIdentity.make())
      expect(error.option).toBe(variable)
      expect(error.message).toContain(`as on ${platform}, whose managed identities are not supported`)
    }).pipe(Effect.provide(world({ ...variables, [String(variable)]: "x" }))))

  it.effect("fails with an error of its own if the configuration cannot be read", () =>
    Effect.gen(function*() {
      const broken = ConfigProvider.make({
        load: () => Effect.fail(ConfigError.SourceUnavailable([], "away", Cause.empty)),
        flattened: ConfigProvider.fromMap(new Map()).flattened
      })
      const error = yield* Effect.flip(Effect.withConfigProvider(AzureManagedIdentity.make(), broken))
      expect(error.message).toBe("`IDENTITY_ENDPOINT`: it could not be read from the configuration (`Config`).")
    }).pipe(Effect.provide(world())))
})

describe("AzureManagedIdentity.layer", () => {
  it.effect("provides an AssertionProvider", () =>
    Effect.gen(function*() {
      yield* imds
      const provider = yield* Effect.provide(AssertionProvider, AzureManagedIdentity.layer())
      yield* provider(request)
    }).pipe(Effect.provide(world())))
})
