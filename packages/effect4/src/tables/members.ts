import type { Table } from "./tables.ts"

export const members: ReadonlyArray<Table> = [
  {
    name: "members of Result",
    reason: "A Result has `success` and `failure` in place of `right` and `left`.",
    rows: {
      "effect/Either#Left.left": "failure",
      "effect/Either#Right.right": "success",
      "effect/Either#match.onLeft": "onFailure",
      "effect/Either#match.onRight": "onSuccess",
      "effect/Either#mapBoth.onLeft": "onFailure",
      "effect/Either#mapBoth.onRight": "onSuccess"
    }
  },
  {
    name: "unsafe members",
    reason: "Effect 4 writes `xUnsafe` in place of `unsafeX`.",
    rows: {
      "effect/Clock#Clock.unsafeCurrentTimeMillis": "currentTimeMillisUnsafe",
      "effect/Clock#Clock.unsafeCurrentTimeNanos": "monotonicTimeNanosUnsafe",
      "effect/Fiber#RuntimeFiber.getFiberRef": "getRef",
      "effect/Fiber#RuntimeFiber.currentContext": "context"
    }
  },
  {
    name: "scoped tests",
    reason: "Each test of @effect/vitest has a scope.",
    rows: {
      "@effect/vitest/index#Vitest.MethodsNonLive.scoped": "effect",
      "@effect/vitest/index#Vitest.Methods.scopedLive": "live"
    }
  }
]
