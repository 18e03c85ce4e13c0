import { environment as names } from '@faultline/contracts/environment'
import type { StackEvent } from '@faultline/stack/stack-event'
import { formatDuration } from './duration.ts'
import type { Terminal } from './terminal.ts'

/** What `up` says when the stack serves; plain data, since it also crosses from a background process. */
export interface ReadySummary {
  readonly pageUrl: string
  readonly environment: Readonly<Record<string, string>>
  readonly notReady: readonly { readonly name: string; readonly reason: string }[]
  readonly ms: number
}

const redrawMs = 200
/** Off a terminal progress comes as lines, and not more often than this. */
const progressLineMs = 5_000

/** Shows the steps of `up`: one line each when it is done, and on a terminal a last line with what is going on. */
export class UpView {
  readonly #terminal: Terminal
  readonly #active = new Map<string, { begin: number; text: string }>()
  #timer: NodeJS.Timeout | undefined
  #lastProgress = 0

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  show(event: StackEvent): void {
    switch (event.kind) {
      case 'started':
        this.#active.set(event.step, { begin: Date.now(), text: '' })
        this.#timer ??= this.#terminal.animated ? this.#startRedraw() : undefined
        break
      case 'progress':
        this.#progress(event.step, event.text)
        break
      case 'finished':
        this.#active.delete(event.step)
        this.#terminal.print(
          `  ${this.#terminal.green('✓')} ${event.step.padEnd(18)}${formatDuration(event.ms).padStart(8)}`,
        )
        break
      case 'notice':
        this.#terminal.print(`  ${this.#terminal.yellow('!')} ${event.text}`)
        break
    }
  }

  /** Ends the line that redraws itself; what is printed after it stays. */
  settle(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#active.clear()
  }

  ready(summary: ReadySummary, detached: boolean): void {
    this.settle()
    for (const line of readyLines(summary, detached)) {
      this.#terminal.print(line.heading === true ? this.#terminal.bold(line.text) : line.text)
    }
    for (const { name, reason } of summary.notReady) {
      this.#terminal.print(
        `  ${this.#terminal.yellow('!')} ${name} is not ready yet: ${reason}; see \`faultline logs ${name}\``,
      )
    }
  }

  #progress(step: string, text: string): void {
    const active = this.#active.get(step)
    if (active !== undefined) active.text = text
    if (this.#terminal.animated || Date.now() - this.#lastProgress < progressLineMs) return
    this.#lastProgress = Date.now()
    this.#terminal.print(`    ${text}`)
  }

  #startRedraw(): NodeJS.Timeout {
    return setInterval(() => {
      const parts = [...this.#active].map(([step, { begin, text }]) => {
        const time = formatDuration(Date.now() - begin)
        return text === '' ? `${step} ${time}` : `${text} ${time}`
      })
      if (parts.length > 0) this.#terminal.live(`  … ${parts.join(', ')}`)
    }, redrawMs)
  }
}

/** Page, clients and what to try next. */
function readyLines(
  { pageUrl, environment, notReady, ms }: ReadySummary,
  detached: boolean,
): readonly { readonly text: string; readonly heading?: true }[] {
  const outcome =
    notReady.length === 0 ? 'Ready' : `Started, but ${notReady.length} of the apps are not ready,`
  const redis = `redis-cli -u ${environment[names.redisUrl] ?? ''}`
  const database = environment[names.databaseUrl] ?? ''
  return [
    { text: '' },
    { text: `${outcome} in ${formatDuration(ms)}: ${pageUrl}/`, heading: true },
    { text: '' },
    { text: `  Redis       ${redis}` },
    { text: `  PostgreSQL  psql "${database}"` },
    { text: `  API         ${pageUrl}/docs` },
    { text: '' },
    { text: 'Try next' },
    { text: `  ${redis} zrevrange top_faults:all 0 9 withscores` },
    { text: `  curl -s "${pageUrl}/api/faults/top?limit=10"` },
    {
      text: detached
        ? '  npx faultline down'
        : '  npx faultline status        # in another terminal',
    },
    { text: '' },
  ]
}
