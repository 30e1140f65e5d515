/**
 * Takes turns for its parent, on the line of Effect that it is written for.
 */
import * as Schema from "effect/Schema"
import { figuresOf } from "../comparison.ts"
import { rows } from "../rows.ts"
import { start } from "../serverProcess.ts"
import { seeded } from "../statistics.ts"
import { Turn } from "../turns.ts"
import type { Taken } from "../turns.ts"

const servers = start()

const take = async ({ row, seed, warmSeconds }: Turn): Promise<Taken> => {
  const workload = rows.find(({ name }) => name === row)
  if (workload === undefined) throw new Error(`No such row: ${row}`)
  const section = await workload.run({ servers, quick: true, warmSeconds, random: seeded(seed), isTurn: true })
  return { title: section.title, figures: figuresOf(section) }
}

process.on("message", (message: unknown) => {
  // A rejection ends the process, and the parent reports it.
  void take(Schema.decodeUnknownSync(Turn)(message)).then((taken) => process.send?.(taken))
})

process.on("disconnect", () => {
  void servers.close()
})
