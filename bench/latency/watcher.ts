import { Agent, get } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

const pauseMs = 2
const rememberedMax = 64

/**
 * Asks the API for devices until they show what was measured. To ask costs time of the same processors, so it begins when most of the shortest
 * time of late has passed: what should be visible earlier than that counts as if it were not.
 */
export class Watcher {
  readonly #apiUrl: string
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16 })
  readonly #tookMs: number[] = []

  constructor(apiUrl: string) {
    this.#apiUrl = apiUrl
  }

  /** Epoch ms, with fractions, at which the answer that shows the measurement was here. */
  async untilVisible(deviceId: string, measuredAtMs: number): Promise<number> {
    const startedMs = now()
    if (this.#tookMs.length > 0) await delay(0.7 * Math.min(...this.#tookMs))
    for (;;) {
      const body = await this.#ask(`${this.#apiUrl}/api/devices/${deviceId}`)
      const { last_measured_at: shown = 0 } = body as { last_measured_at?: number | string }
      if (new Date(shown).getTime() >= measuredAtMs) return this.#seen(startedMs)
      await delay(pauseMs)
    }
  }

  #seen(startedMs: number): number {
    const seen = now()
    if (this.#tookMs.push(seen - startedMs) > rememberedMax) this.#tookMs.shift()
    return seen
  }

  close(): void {
    this.#agent.destroy()
  }

  #ask(url: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      get(url, { agent: this.#agent }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (part: string) => {
          text += part
        })
        response.on('error', reject)
        response.on('end', () => {
          resolve(JSON.parse(text))
        })
      }).on('error', reject)
    })
  }
}

/** Epoch ms with fractions; it does not jump. */
export function now(): number {
  return performance.timeOrigin + performance.now()
}
