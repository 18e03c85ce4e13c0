import assert from 'node:assert'

interface Node {
  readonly name: string
  readonly needs: readonly string[]
}

/** For each name the processes that need it: they stop before it does. Unknown needs are servers outside the stack. */
export function dependentsByName(nodes: readonly Node[]): ReadonlyMap<string, readonly string[]> {
  return new Map(
    nodes.map(({ name }) => [
      name,
      nodes.filter((other) => other.needs.includes(name)).map((other) => other.name),
    ]),
  )
}

/** A ring of needs would wait for itself for ever; it is a mistake in the program. */
export function assertStartable(nodes: readonly Node[]): void {
  const names = new Set(nodes.map((node) => node.name))
  assert(names.size === nodes.length, 'two processes have the same name')
  const placed = new Set<string>()
  const place = (node: Node): void => {
    if (node.needs.every((need) => !names.has(need) || placed.has(need))) placed.add(node.name)
  }
  // Each round places at least one node more, unless only rings are left.
  nodes.forEach(() => {
    nodes.forEach(place)
  })
  const ring = nodes.filter((node) => !placed.has(node.name)).map((node) => node.name)
  assert(ring.length === 0, `processes need each other in a ring: ${ring.join(', ')}`)
}

/**
 * Runs `stop` for every node, each as soon as all that need it have stopped; independent ones at the same time.
 * Every stop runs; the first error comes out at the end.
 */
export async function inStopOrder<N extends Node>(
  nodes: readonly N[],
  stop: (node: N) => Promise<void>,
): Promise<void> {
  const dependents = dependentsByName(nodes)
  const stops = new Map<string, Promise<void>>()
  const stopOnce = (node: N): Promise<void> => {
    const known = stops.get(node.name)
    if (known !== undefined) return known
    const after = nodes.filter((other) => dependents.get(node.name)?.includes(other.name))
    const promise = Promise.allSettled(after.map(stopOnce)).then(() => stop(node))
    stops.set(node.name, promise)
    return promise
  }
  const results = await Promise.allSettled(nodes.map(stopOnce))
  const failure = results.find((result) => result.status === 'rejected')
  if (failure !== undefined) throw failure.reason
}
