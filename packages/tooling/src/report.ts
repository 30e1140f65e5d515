/** Prints the faults that a check found and makes the process exit with 1 if there are any. */
export const report = (check: string, faults: ReadonlyArray<string>): void => {
  if (faults.length === 0) return console.log(`${check}: nothing to report`)
  for (const fault of faults) console.error(fault)
  console.error(`${check}: ${faults.length} faults`)
  process.exitCode = 1
}
