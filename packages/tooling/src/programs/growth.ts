/** Prints how the work on the inputs of a module grows, as JSON. */
import { measure } from "../growth.ts"

const { inputs } = await import(process.argv[2] ?? "")
process.stdout.write(JSON.stringify(await measure(inputs)))
