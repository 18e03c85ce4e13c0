/** What one line of Maven's output says about its downloads. */
export type MavenLine =
  | { readonly kind: 'downloaded'; readonly file: string; readonly bytes: number }
  | { readonly kind: 'progress'; readonly bytes: number }
  | { readonly kind: 'error'; readonly text: string }
  | { readonly kind: 'other' }

const unitBytes: Readonly<Record<string, number>> = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9 }

function bytesOf(amount: string | undefined, unit: string | undefined): number {
  return Number(amount ?? 0) * (unitBytes[unit ?? 'B'] ?? 1)
}

/**
 * Reads a line of `mvn` without `--batch-mode`: `Downloaded from central: https://…/x.jar (4.2 kB at 23 kB/s)`,
 * `Progress (2): 1.2/6.7 MB | 12 kB`, `[ERROR] …`.
 */
export function readMavenLine(line: string): MavenLine {
  const downloaded = /^Downloaded from \S+: (?<url>\S+) \((?<amount>[\d.]+) (?<unit>\w+)/.exec(line)
  if (downloaded?.groups !== undefined) {
    const { url = '', amount, unit } = downloaded.groups
    return {
      kind: 'downloaded',
      file: url.slice(url.lastIndexOf('/') + 1),
      bytes: bytesOf(amount, unit),
    }
  }
  const progress = /^Progress \(\d+\): (?<files>.+)$/.exec(line)
  if (progress?.groups !== undefined) {
    const files = (progress.groups['files'] ?? '').split('|')
    const bytes = files.map((file) => {
      const match = /^\s*(?<amount>[\d.]+)(?:\/[\d.]+)? (?<unit>\w+)\s*$/.exec(file)
      return bytesOf(match?.groups?.['amount'], match?.groups?.['unit'])
    })
    return { kind: 'progress', bytes: bytes.reduce((sum, each) => sum + each, 0) }
  }
  if (line.startsWith('[ERROR] ')) return { kind: 'error', text: line.slice('[ERROR] '.length) }
  return { kind: 'other' }
}
