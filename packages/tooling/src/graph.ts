/**
 * Circles in a graph of names.
 */

/** The nodes, each with the nodes to which its arrows point. */
export type Graph = ReadonlyMap<string, ReadonlySet<string>>

export const makeGraph = (arrows: Iterable<readonly [from: string, to: string]>): Graph => {
  const graph = new Map<string, Set<string>>()
  for (const [from, to] of arrows) {
    const targets = graph.get(from) ?? new Set()
    graph.set(from, targets.add(to))
  }
  return graph
}

/**
 * The shortest circle of each group of nodes that reach each other. A circle lists its nodes in the order of the arrows
 * and ends with the node that it begins with.
 */
export const circles = (graph: Graph): ReadonlyArray<ReadonlyArray<string>> => {
  const covered = new Set<string>()
  return [...graph.keys()].toSorted().flatMap((node) => {
    if (covered.has(node)) return []
    const group = [...reachableFrom(graph, node)].filter((other) => reachableFrom(graph, other).has(node))
    group.forEach((member) => covered.add(member))
    return group.toSorted().map((member) => circleThrough(graph, member)).toSorted((a, b) => a.length - b.length)
      .slice(0, 1)
  })
}

/** The nodes at the end of a path of one arrow or more. The node itself is among them if it stands on a circle. */
const reachableFrom = (graph: Graph, node: string): ReadonlySet<string> => {
  const reached = new Set<string>(graph.get(node))
  for (const next of reached) graph.get(next)?.forEach((target) => reached.add(target))
  return reached
}

/** The shortest circle through a node that stands on one, found breadth first. */
const circleThrough = (graph: Graph, node: string): ReadonlyArray<string> => {
  const paths: Array<ReadonlyArray<string>> = [[node]]
  const seen = new Set<string>()
  for (const path of paths) {
    const last = path.at(-1) ?? node
    for (const target of graph.get(last) ?? []) {
      if (target === node) return [...path, node]
      if (!seen.has(target)) paths.push([...path, target])
      seen.add(target)
    }
  }
  return []
}
