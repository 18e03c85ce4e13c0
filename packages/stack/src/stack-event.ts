/** What `up` tells while it works; plain data, since it also crosses from a background process to its starter. */
export type StackEvent =
  | { readonly kind: 'started'; readonly step: string }
  | { readonly kind: 'progress'; readonly step: string; readonly text: string }
  | { readonly kind: 'finished'; readonly step: string; readonly ms: number }
  | { readonly kind: 'notice'; readonly text: string }

export type Report = (event: StackEvent) => void

/** Runs one step of `up`, telling when it begins and how long it took. */
export async function step<T>(report: Report, name: string, run: () => Promise<T>): Promise<T> {
  const begin = performance.now()
  report({ kind: 'started', step: name })
  const result = await run()
  report({ kind: 'finished', step: name, ms: performance.now() - begin })
  return result
}
