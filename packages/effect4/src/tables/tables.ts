/**
 * What is only called otherwise in Effect 4. Each table has one reason for all of its rows.
 */
export interface Tables {
  /** Module to module: all exports that no row of `names` lists keep their names. */
  readonly modules: ReadonlyMap<string, string>
  /** Export to export. */
  readonly names: ReadonlyMap<string, string>
  /** Member to the new name of the member. */
  readonly members: ReadonlyMap<string, string>
}

export interface Table {
  readonly name: string
  readonly reason: string
  readonly rows: Readonly<Record<string, string>>
}

/** The rows of several tables. A name that stands twice is a mistake. */
export const merged = (tables: ReadonlyArray<Table>): ReadonlyMap<string, string> => {
  const rows = new Map<string, string>()
  for (const { name, rows: own } of tables) {
    for (const [from, to] of Object.entries(own)) {
      if (rows.has(from)) throw new Error(`${from} stands in two tables; the second one is "${name}"`)
      rows.set(from, to)
    }
  }
  return rows
}
