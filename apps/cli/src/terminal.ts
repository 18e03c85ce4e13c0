import type { WriteStream } from 'node:tty'

type Output = Pick<WriteStream, 'write'> & { readonly isTTY?: boolean; readonly columns?: number }

/** Where a command writes. Colours and lines that redraw themselves only on a terminal, and never with NO_COLOR. */
export class Terminal {
  readonly animated: boolean
  readonly #out: Output
  readonly #err: Output
  readonly #coloured: boolean
  #live = false

  constructor(out: Output, err: Output, env: Readonly<Record<string, string | undefined>>) {
    this.#out = out
    this.#err = err
    this.animated = out.isTTY === true && env['TERM'] !== 'dumb'
    this.#coloured = this.animated && (env['NO_COLOR'] ?? '') === ''
  }

  print(line = ''): void {
    this.#clear()
    this.#out.write(`${line}\n`)
  }

  /** For what a program reading standard output must not see. */
  complain(line: string): void {
    this.#clear()
    this.#err.write(`${line}\n`)
  }

  /** A line that the next output replaces; nothing off a terminal. */
  live(line: string): void {
    if (!this.animated) return
    const width = (this.#out.columns ?? 80) - 1
    this.#out.write(`\r\u001b[2K${line.length > width ? `${line.slice(0, width - 1)}…` : line}`)
    this.#live = true
  }

  bold(text: string): string {
    return this.#style(1, text)
  }

  dim(text: string): string {
    return this.#style(2, text)
  }

  red(text: string): string {
    return this.#style(31, text)
  }

  green(text: string): string {
    return this.#style(32, text)
  }

  yellow(text: string): string {
    return this.#style(33, text)
  }

  #clear(): void {
    if (this.#live) this.#out.write('\r\u001b[2K')
    this.#live = false
  }

  #style(code: number, text: string): string {
    return this.#coloured ? `\u001b[${code}m${text}\u001b[0m` : text
  }
}
