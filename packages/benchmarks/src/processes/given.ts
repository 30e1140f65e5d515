/**
 * The settings that `workloads/wholeProcess.ts` gives to the programs of this folder. The programs import nothing else
 * of the benchmarks: they run where the built packages are installed, as a user's program would.
 */
const [resource = "", issuer = "", token = "", clientId = "", clientSecret = "", scope = ""] = process.argv.slice(2)

export { clientId, clientSecret, issuer, resource, scope, token }

/** Fails the process unless the call was let in. */
export const expectOk = (status: number): void => {
  if (status !== 200) process.exitCode = 1
}
