import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { failpoint } from '@faultline/runtime/failpoints'
import { waitFor } from './pause.ts'

/** The name of one. */
export type Failpoint = Parameters<typeof failpoint>[0]

/** Arms the failpoints of the running product (docs/failpoints.md). */
export class Failpoints {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  arm(point: Failpoint, action: 'kill' | 'stop', passages: number): void {
    rmSync(this.#firedFile(point), { force: true })
    writeFileSync(join(this.#folder, point), `${action} ${passages}\n`)
  }

  /** The process that the point acted on. @throws Error where none came by in time */
  async untilFired(point: Failpoint, limitMs: number): Promise<number> {
    const file = this.#firedFile(point)
    return await waitFor(`failpoint ${point}`, limitMs, () => {
      if (!existsSync(file)) return undefined
      return Number(readFileSync(file, 'utf8').split(' ')[1])
    })
  }

  disarm(point: Failpoint): void {
    rmSync(join(this.#folder, point), { force: true })
  }

  #firedFile(point: Failpoint): string {
    return join(this.#folder, `${point}.fired`)
  }
}
