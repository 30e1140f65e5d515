/** Vitest's cache of loaded modules, and what loads them. Vitest has no public names for either. */
import type { VitestTestRunner } from "vitest/runners"

export interface ModuleCache {
  readonly delete: (path: string) => boolean
  /** Forgets modules and all that import them. */
  readonly invalidateDepTree: (paths: ReadonlyArray<string>) => ReadonlySet<string>
}

export interface Executor {
  readonly executeId: (path: string) => Promise<unknown>
}

const isModuleCache = (value: unknown): value is ModuleCache =>
  value instanceof Map && "invalidateDepTree" in value && typeof value.invalidateDepTree === "function"

const isExecutor = (value: unknown): value is Executor =>
  typeof value === "object" && value !== null && "executeId" in value && typeof value.executeId === "function"

/** The cache of the worker that a runner belongs to. */
export const moduleCacheOf = (runner: VitestTestRunner): ModuleCache => {
  const state: unknown = Reflect.get(runner, "workerState")
  const cache: unknown = typeof state === "object" && state !== null ? Reflect.get(state, "moduleCache") : undefined
  if (!isModuleCache(cache)) throw new Error("This version of vitest has no `workerState.moduleCache` on its runner.")
  return cache
}

export const executorOf = (runner: VitestTestRunner): Executor => {
  const executor: unknown = Reflect.get(runner, "__vitest_executor")
  if (!isExecutor(executor)) throw new Error("This version of vitest has no `__vitest_executor` on its runner.")
  return executor
}
