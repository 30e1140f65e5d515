import type { Table } from "./tables.ts"

const within = (
  module: string,
  rows: Readonly<Record<string, string>>,
  to = module
): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(rows).map(([a, b]) => [`${module}#${a}`, `${to}#${b}`]))

export const names: ReadonlyArray<Table> = [
  {
    name: "Effect combinators",
    reason: "Effect 4 has one name for each of these combinators.",
    rows: within("effect/Effect", {
      zipRight: "andThen",
      zipLeft: "tap",
      catchAll: "catch",
      catchAllCause: "catchCause",
      catchAllDefect: "catchDefect",
      either: "result",
      fork: "forkChild",
      forkDaemon: "forkDetach",
      async: "callback",
      withFiberRuntime: "withFiber",
      runtime: "context",
      fromNullable: "fromNullishOr"
    })
  },
  {
    name: "Effect exports that moved",
    reason: "These are exports of other modules in Effect 4.",
    rows: {
      "effect/Effect#clock": "effect/Clock#Clock",
      "effect/Effect#unsafeMakeSemaphore": "effect/Semaphore#makeUnsafe",
      "effect/Effect#makeLatch": "effect/Latch#make",
      "effect/Encoding#encodeBase64": "effect/encoding/Base64#encode",
      "effect/Encoding#decodeBase64": "effect/encoding/Base64#decode",
      "effect/Encoding#decodeBase64String": "effect/encoding/Base64#decodeString",
      "effect/Encoding#encodeBase64Url": "effect/encoding/Base64Url#encode",
      "effect/Encoding#decodeBase64Url": "effect/encoding/Base64Url#decode",
      "effect/Encoding#decodeBase64UrlString": "effect/encoding/Base64Url#decodeString",
      "effect/Encoding#decodeHex": "effect/encoding/Hex#decode"
    }
  },
  {
    name: "Either is Result",
    reason: "Either is called Result, with Success and Failure in place of Right and Left.",
    rows: within("effect/Either", {
      Either: "Result",
      left: "fail",
      right: "succeed",
      isLeft: "isFailure",
      isRight: "isSuccess",
      mapLeft: "mapError",
      mapBoth: "mapBoth",
      getRight: "getSuccess",
      getLeft: "getFailure"
    }, "effect/Result")
  },
  {
    name: "unsafe comes last",
    reason: "Effect 4 writes `xUnsafe` in place of `unsafeX`.",
    rows: {
      "effect/Deferred#unsafeDone": "effect/Deferred#doneUnsafe",
      "effect/Queue#unsafeOffer": "effect/Queue#offerUnsafe",
      "@effect/platform/HttpClientRequest#bodyUnsafeJson": "effect/http/HttpClientRequest#bodyJsonUnsafe"
    }
  },
  {
    name: "services that moved",
    reason: "These are exports of other modules in Effect 4.",
    rows: {
      "effect/Layer#setConfigProvider": "effect/ConfigProvider#layer",
      "effect/Layer#scopedContext": "effect/Layer#effectContext",
      "effect/TestServices#provideLive": "effect/testing/TestClock#withLive",
      "@effect/platform/FileSystem#Size": "effect/ByteSize#bytes",
      "@effect/platform/CommandExecutor#CommandExecutor": "effect/process/ChildProcessSpawner#ChildProcessSpawner",
      "@effect/platform/HttpServer#Address": "effect/net/NetAddress#SocketAddress"
    }
  },
  {
    name: "schemas as effects",
    reason: "What decodes within an effect says so in its name.",
    rows: within("effect/Schema", { decode: "decodeEffect", decodeUnknown: "decodeUnknownEffect" })
  },
  {
    name: "capital letters",
    reason: "Effect 4 writes instances, references and the types of values with a capital letter.",
    rows: {
      "effect/Order#string": "effect/Order#String",
      "effect/Config#string": "effect/Config#String",
      "effect/Config#redacted": "effect/Config#Redacted",
      "effect/Config#duration": "effect/Config#Duration",
      "effect/Config#number": "effect/Config#Number",
      "effect/Config#integer": "effect/Config#Int",
      "@effect/platform/Headers#currentRedactedNames": "effect/http/Headers#CurrentRedactedNames"
    }
  },
  {
    name: "other names",
    reason: "Effect 4 renamed these exports.",
    rows: {
      "effect/Option#fromNullable": "effect/Option#fromNullishOr",
      "effect/Cause#failureOption": "effect/Cause#findErrorOption",
      "effect/Layer#Layer.Success": "effect/Layer#Success",
      "effect/Exit#causeOption": "effect/Exit#getCause",
      "effect/Cause#parallel": "effect/Cause#combine",
      "effect/Cause#sequential": "effect/Cause#combine",
      "effect/Effect#logAnnotations": "effect/References#CurrentLogAnnotations",
      "effect/LogLevel#greaterThanEqual": "effect/LogLevel#isGreaterThanOrEqualTo",
      "effect/Redacted#unsafeWipe": "effect/Redacted#wipeUnsafe",
      "effect/Exit#isInterrupted": "effect/Exit#hasInterrupts",
      "effect/Cause#isDie": "effect/Cause#hasDies",
      "effect/Predicate#isRecord": "effect/Predicate#isObject",
      "effect/Predicate#isNullable": "effect/Predicate#isNullish",
      "effect/Predicate#isNotNullable": "effect/Predicate#isNotNullish",
      "effect/Logger#stringLogger": "effect/Logger#formatLogFmt",
      "effect/Effect#mapInputContext": "effect/Effect#updateContext",
      "effect/Clock#currentTimeNanos": "effect/Clock#monotonicTimeNanos",
      "effect/Cause#UnknownException": "effect/Cause#UnknownError",
      "@effect/platform/HttpClient#currentTracerDisabledWhen": "effect/http/HttpClient#TracerDisabledWhen",
      "@effect/platform/HttpClientRequest#del": "effect/http/HttpClientRequest#delete",
      "@effect/platform/HttpBody#unsafeJson": "effect/http/HttpBody#jsonUnsafe",
      "@effect/platform-node/NodeContext#NodeContext": "@effect/platform-node/NodeServices#NodeServices",
      "effect/Cause#isInterruptedOnly": "effect/Cause#hasInterruptsOnly",
      "effect/Layer#scoped": "effect/Layer#effect",
      "effect/Layer#unwrapEffect": "effect/Layer#unwrap",
      "effect/Duration#DurationInput": "effect/Duration#Input",
      "effect/Duration#decodeUnknown": "effect/Duration#fromInput",
      "@effect/platform/HttpClientError#RequestError": "effect/http/HttpClientError#HttpClientError",
      "@effect/platform/HttpClientError#ResponseError": "effect/http/HttpClientError#HttpClientError",
      "effect/Fiber#RuntimeFiber": "effect/Fiber#Fiber",
      "effect/Metric#Metric.Counter": "effect/Metric#Counter",
      "effect/Metric#Metric.Histogram": "effect/Metric#Histogram",
      "effect/Effect#Effect.Success": "effect/Effect#Success",
      "effect/Config#Config.Wrap": "effect/Config#Wrap",
      "effect/Scope#CloseableScope": "effect/Scope#Closeable",
      "effect/Scope#extend": "effect/Scope#provide",
      "effect/Runtime#Runtime": "effect/Context#Context",
      "effect/Runtime#runFork": "effect/Effect#runForkWith",
      "effect/Runtime#runPromiseExit": "effect/Effect#runPromiseExitWith",
      "effect/Runtime#runSync": "effect/Effect#runSyncWith",
      "effect/Schema#parseJson": "effect/Schema#fromJsonString",
      "effect/Schema#Redacted": "effect/Schema#RedactedFromValue",
      "effect/Schema#RedactedFromSelf": "effect/Schema#Redacted",
      "effect/Schema#decodeUnknownEither": "effect/Schema#decodeUnknownResult",
      "effect/Schema#encode": "effect/Schema#encodeEffect",
      "effect/Schema#Schema": "effect/Schema#Codec",
      "effect/Schema#compose": "effect/Schema#decodeTo"
    }
  }
]
