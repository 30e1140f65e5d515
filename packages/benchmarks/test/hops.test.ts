import { expect, it } from "vitest"
import { describeHops, hopsOf } from "../src/hops.ts"

const entry = (endpoint: string, from: number, to: number, status = 200) => ({ endpoint, status, from, to })

it("hopsOf takes requests that overlap for one hop, in the order of their arrival", () => {
  const hops = hopsOf([entry("token", 25, 45), entry("AS metadata", 1, 21), entry("resource metadata", 0, 20)])
  expect(hops.length).toBe(2)
  expect(describeHops(hops)).toBe("resource metadata + AS metadata → token")
})

it("hopsOf starts a new hop with a request that began after the first request of the hop had ended", () => {
  expect(hopsOf([entry("a", 0, 10), entry("b", 5, 30), entry("c", 15, 40)]).length).toBe(2)
})

it("describeHops names the status of a request that was not answered with 200", () => {
  expect(describeHops(hopsOf([entry("call", 0, 10, 401), entry("call", 11, 20)]))).toBe("call 401 → call")
})

it("hopsOf finds no hops in an empty log", () => {
  expect(describeHops(hopsOf([]))).toBe("")
})
