/** Measures what a program keeps in memory: the texts on its heap, after everything that nobody holds was collected. */
import { getHeapSnapshot } from "node:v8"

export interface HeldText {
  /** The beginning of the text. */
  readonly text: string
  /** The size in memory, in bytes. A part of a text has the size of a reference; the whole text stands beside it. */
  readonly size: number
}

interface Snapshot {
  readonly snapshot: { readonly meta: { readonly node_fields: ReadonlyArray<string>; readonly node_types: unknown } }
  readonly nodes: ReadonlyArray<number>
  readonly strings: ReadonlyArray<string>
}

/** The texts on the heap of this process that contain the mark in their first 1,000 characters. */
export const heldTexts = async (mark: string): Promise<ReadonlyArray<HeldText>> => {
  const parts: Array<string> = []
  for await (const part of getHeapSnapshot().setEncoding("utf8")) parts.push(String(part))
  const { nodes, snapshot, strings }: Snapshot = JSON.parse(parts.join(""))
  const fields = snapshot.meta.node_fields
  const [type, name, size] = [fields.indexOf("type"), fields.indexOf("name"), fields.indexOf("self_size")]
  const types = kindsOf(snapshot.meta.node_types)
  const held: Array<HeldText> = []
  for (let at = 0; at < nodes.length; at += fields.length) {
    const text = strings[nodes[at + name] ?? 0] ?? ""
    if (types[nodes[at + type] ?? 0]?.includes("string") === true && text.includes(mark)) {
      held.push({ text, size: nodes[at + size] ?? 0 })
    }
  }
  return held
}

/** The names of the kinds of nodes, such as `string`, `concatenated string` and `sliced string`. */
const kindsOf = (types: unknown): ReadonlyArray<string> =>
  Array.isArray(types) && Array.isArray(types[0]) ? types[0].map(String) : []
