import { isDeepStrictEqual } from 'node:util'
import { pause } from './pause.ts'
import type { Violations } from './violations.ts'

type Reader = 'device' | 'top' | 'live'
type Body = Readonly<Record<string, unknown>>

interface Request {
  readonly path: string
  readonly init: RequestInit
}

const answerLimitMs = 5_000
const topEveryMs = 1_000

interface ApiReaderOptions {
  readonly apiUrl: string
  readonly violations: Violations
  /** Whether a fault that the API may answer 503 or not at all for is under way, or was a moment ago. */
  readonly mayFail: () => boolean
  /** Whether Redis lost data by a fault and has not healed yet: only then may as_of go back. */
  readonly mayGoBack: () => boolean
  readonly patience: number
  readonly signal: AbortSignal
}

/**
 * Three readers of the API during the faults, of which none may see `as_of` go back: one device, the ranking, and the live
 * stream, which is left and resumed by Last-Event-ID.
 */
export class ApiReader {
  readonly #options: ApiReaderOptions
  readonly #asOf = new Map<string, number>()
  readonly statuses = new Map<string, number>()
  #lastEventId: string | undefined
  liveEvents = 0
  liveResumes = 0
  liveResets = 0

  constructor(options: ApiReaderOptions) {
    this.#options = options
  }

  async run(): Promise<void> {
    await Promise.all([this.#pollTop(), this.#followLive()])
  }

  /** The body of a 200, else undefined. With something to send it is a POST. */
  async ask(reader: Reader, path: string, sent?: object): Promise<Body | undefined> {
    const post = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(sent),
    }
    // A connection that was kept open may end just as a request is sent on it; a client asks again then.
    return await this.#ask(reader, { path, init: sent === undefined ? {} : post }, true)
  }

  async #ask(reader: Reader, request: Request, mayAskAgain: boolean): Promise<Body | undefined> {
    const { apiUrl, signal, patience } = this.#options
    const { path, init } = request
    try {
      const response = await fetch(`${apiUrl}${path}`, {
        ...init,
        signal: AbortSignal.any([signal, AbortSignal.timeout(answerLimitMs * patience)]),
      })
      const text = await response.text()
      this.#count(String(response.status))
      if (response.status >= 500) this.#failed(path, `${response.status} ${text}`, response.status)
      if (!response.ok) return undefined
      this.#readAsOf(reader, response.headers.get('faultline-as-of') ?? '')
      return JSON.parse(text) as Body
    } catch (error) {
      if (signal.aborted) return undefined
      if (mayAskAgain && isClosedConnection(error)) return this.#ask(reader, request, false)
      this.#count('none')
      this.#failed(path, String((error as Error).cause ?? error), 0)
      return undefined
    }
  }

  #count(status: string): void {
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1)
  }

  #failed(path: string, what: string, status: number): void {
    const documented = status === 0 || status === 503 || status === 504
    if (documented && this.#options.mayFail()) return
    this.#options.violations.add('I9', `${path}: ${what}`)
  }

  /** `0;offset=41;measured_at=1763731911000, 1;offset=7` */
  #readAsOf(reader: Reader, text: string): void {
    for (const item of text.split(', ')) {
      const [partition = '', ...facts] = item.split(';')
      for (const fact of facts) {
        const [name = '', value = ''] = fact.split('=')
        this.#observe(`${reader} ${partition} ${name}`, Number(value))
      }
    }
  }

  #observe(what: string, value: number): void {
    const before = this.#asOf.get(what)
    this.#options.violations.checked('I9')
    if (before !== undefined && value < before && !this.#options.mayGoBack()) {
      this.#options.violations.add('I9', `as_of of ${what} went back from ${before} to ${value}`)
    }
    this.#asOf.set(what, value)
  }

  async #pollTop(): Promise<void> {
    while (!this.#options.signal.aborted) {
      await pause(topEveryMs, this.#options.signal)
      const body = await this.ask('top', '/api/faults/top?limit=20')
      if (body === undefined) continue
      const devices = body['devices'] as readonly { decayed_faults?: number }[]
      const sums = devices.map(({ decayed_faults = 0 }) => decayed_faults)
      if (
        !isDeepStrictEqual(
          sums,
          sums.toSorted((a, b) => b - a),
        )
      ) {
        this.#options.violations.add('I7', `the ranking is out of order: ${sums.join(' ')}`)
      }
    }
  }

  async #followLive(): Promise<void> {
    const { signal, apiUrl } = this.#options
    while (!signal.aborted) {
      // Left now and then on purpose, so that resuming is part of the test.
      const visit = AbortSignal.any([signal, AbortSignal.timeout(30_000)])
      try {
        const response = await fetch(`${apiUrl}/api/live`, {
          signal: visit,
          headers: this.#lastEventId === undefined ? {} : { 'last-event-id': this.#lastEventId },
        })
        if (this.#lastEventId !== undefined) this.liveResumes += 1
        if (response.ok && response.body !== null) await this.#readLive(response.body)
      } catch {
        // The end of a visit, or of the API; the next visit goes on.
      }
      await pause(500, signal)
    }
  }

  async #readLive(body: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder()
    let text = ''
    for await (const bytes of body) {
      text += decoder.decode(bytes, { stream: true })
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        this.#onLiveEvent(text.slice(0, end))
        text = text.slice(end + 2)
      }
    }
  }

  #onLiveEvent(text: string): void {
    const field = (name: string): string | undefined =>
      text
        .split('\n')
        .find((line) => line.startsWith(`${name}: `))
        ?.slice(name.length + 2)
    const [id, event] = [field('id'), field('event')]
    if (id === undefined) return
    this.liveEvents += 1
    if (event === 'reset') this.liveResets += 1
    if (event !== 'reset' && event !== 'hello') this.#follows(id)
    this.#lastEventId = id
    if (event !== 'progress') return
    const { as_of } = JSON.parse(field('data') ?? '{}') as {
      as_of?: readonly { partition: number; offset: number }[]
    }
    for (const { partition, offset } of as_of ?? [])
      this.#observe(`live ${partition} offset`, offset)
  }

  #follows(id: string): void {
    this.#options.violations.checked('I9')
    const [boot, serial] = id.split('-')
    const [bootBefore, serialBefore] = (this.#lastEventId ?? '').split('-')
    if (boot === bootBefore && Number(serial) === Number(serialBefore) + 1) return
    this.#options.violations.add('I9', `live event ${id} after ${this.#lastEventId ?? 'none'}`)
  }
}

function isClosedConnection(error: unknown): boolean {
  const { code } = (error as { cause?: { code?: unknown } }).cause ?? {}
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET'
}
