export interface Sample {
  readonly name: string
  readonly labels: string
  readonly value: number
}

/** The samples of a Prometheus text. */
export function parseMetrics(text: string): readonly Sample[] {
  return [...text.matchAll(/^(\w+)(?:\{([^}]*)\})? (\S+)$/gm)].map(
    ([, name = '', labels = '', value = '']) => ({ name, labels, value: Number(value) }),
  )
}
