import { Agent, get } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

const pauseMs = 1

/** Asks the API for devices until they show what was measured. */
export class Watcher {
  readonly #apiUrl: string
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16 })

  constructor(apiUrl: string) {
    this.#apiUrl = apiUrl
  }

  /** Epoch ms, with fractions, at which the answer that shows the measurement was here. */
  async untilVisible(deviceId: string, measuredAtMs: number): Promise<number> {
    for (;;) {
      const body = await this.#ask(`${this.#apiUrl}/api/devices/${deviceId}`)
      const { last_measured_at: shown = 0 } = body as { last_measured_at?: number | string }
      if (new Date(shown).getTime() >= measuredAtMs) return now()
      await delay(pauseMs)
    }
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
