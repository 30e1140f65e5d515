/** The test projects: every package that has a `vitest.config.ts`. The root `vitest.config.ts` reads this list. */
export default ["packages/*/vitest.config.ts"]
