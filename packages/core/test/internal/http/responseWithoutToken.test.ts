import { describe, expect, it } from "@effect/vitest"
import { HttpClientError, HttpClientRequest, HttpClientResponse, UrlParams } from "@effect/platform"
import { Effect, Option, Stream } from "effect"
import { inspect } from "node:util"
import { errorWithoutToken, ResponseWithoutToken } from "../../../src/internal/http/responseWithoutToken.ts"

const request = HttpClientRequest.get("https://mcp.example.com/x")
const authenticated = HttpClientRequest.setHeader(request, "authorization", "Bearer canary")

const respond = (body: BodyInit | null, headers: Record<string, string> = {}) =>
  new ResponseWithoutToken(HttpClientResponse.fromWeb(authenticated, new Response(body, { headers })), request)

describe("ResponseWithoutToken", () => {
  it.effect("has the status, headers, cookies and body of the original", () =>
    Effect.gen(function*() {
      const form = new FormData()
      form.set("a", "1")
      expect(yield* respond("text").text).toBe("text")
      expect(yield* respond("{\"a\":1}").json).toEqual({ a: 1 })
      expect(UrlParams.toString(yield* respond("a=1").urlParamsBody)).toBe("a=1")
      expect((yield* respond(form).formData).get("a")).toBe("1")
      expect((yield* respond("text").arrayBuffer).byteLength).toBe(4)
      expect((yield* Stream.runCollect(respond("text").stream)).length).toBe(1)
      const response = respond("", { "set-cookie": "a=1", "x-test": "1" })
      expect([response.status, response.headers["x-test"]]).toEqual([200, "1"])
      expect(Object.keys(response.cookies.cookies)).toEqual(["a"])
      expect(response.remoteAddress).toEqual(Option.none())
    }))

  it.effect("its errors hold the caller's request, and no inspection shows the token", () =>
    Effect.gen(function*() {
      const errors = yield* Effect.all([
        Effect.flip(respond("<html>").json),
        Effect.flip(respond("text").formData),
        Effect.flip(Stream.runDrain(respond(null).stream)),
        Effect.flip(HttpClientResponse.filterStatus(respond(null), () => false))
      ])
      for (const error of errors) {
        expect(error.request).toBe(request)
        expect(inspect(error, { depth: null, showHidden: true }) + JSON.stringify(error)).not.toContain("canary")
      }
      expect(String(respond("x", { "set-cookie": "a=canary" }))).not.toContain("canary")
    }))
})

describe("errorWithoutToken", () => {
  it("puts the caller's request in place of the one that was sent", () => {
    const response = HttpClientResponse.fromWeb(authenticated, new Response("no", { status: 500 }))
    const errors: ReadonlyArray<HttpClientError.HttpClientError> = [
      new HttpClientError.RequestError({ request: authenticated, reason: "Transport", description: "broken" }),
      new HttpClientError.RequestError({ request: authenticated, reason: "InvalidUrl" }),
      new HttpClientError.ResponseError({ request: authenticated, response, reason: "StatusCode", description: "500" })
    ]
    for (const error of errors) {
      const own = errorWithoutToken(error, request)
      expect([own._tag, own.reason, own.message]).toEqual([error._tag, error.reason, error.message])
      expect(own.request).toBe(request)
      expect(inspect(own, { depth: null, showHidden: true }) + JSON.stringify(own)).not.toContain("canary")
    }
  })
})
