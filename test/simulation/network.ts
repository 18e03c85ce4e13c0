import type { Chance } from '../support/chance.ts'
import type { Scheduler } from './scheduler.ts'
import type { SimProcess } from './sim-process.ts'
import type { Tally } from './tally.ts'
import type { Trace } from './trace.ts'

/** How likely a request meets each fate; the rest goes through. */
export interface RequestFaults {
  /** Never arrives. */
  readonly lost: number
  /** Arrives; the answer does not. */
  readonly replyLost: number
  /** Arrives long after its sender gave up. */
  readonly held: number
  readonly slow: number
  /** The process is killed before, or right after, what it asked for has happened. */
  readonly crash: number
}

export interface Reply<T> {
  ok(value: T): void
  fail(error: Error): void
}

/** A server that can be away. */
export class Server {
  readonly name: string
  downUntil = 0

  constructor(name: string) {
    this.name = name
  }
}

/** The connection broke, or nothing was heard for too long. What became of the request is not known. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError'
  readonly retriable = true
}

/** A client's patience, as kafkajs has it. */
const patienceMs = 30_000

interface NetworkParts {
  readonly scheduler: Scheduler
  readonly random: Chance
  readonly tally: Tally
  readonly trace: Trace
}

type Fate = 'arrives' | keyof RequestFaults

/** Carries requests of processes to servers, and loses, delays and holds some of them. */
export class Network {
  readonly #parts: NetworkParts
  faults: RequestFaults = { lost: 0, replyLost: 0, held: 0, slow: 0, crash: 0 }

  constructor(parts: NetworkParts) {
    this.#parts = parts
  }

  /** `isRead`: asking again costs nothing, so only its loss is of interest, and that seldom. */
  request<T>(
    from: SimProcess,
    { to, name, isRead = false }: { to: Server; name: string; isRead?: boolean },
    handle: (reply: Reply<T>) => void,
  ): Promise<T> {
    const { scheduler, random, trace } = this.#parts
    return new Promise((resolve, reject) => {
      if (!from.isAlive) return
      if (from.requestsLeft !== null && --from.requestsLeft < 0) {
        from.requestsLeft = null
        from.kill('killed before a request')
        return
      }
      const fate = this.#fate(from, isRead)
      if (fate !== 'arrives') {
        this.#parts.tally.add(`${to.name} request ${fate}`)
        trace.write(from.name, name, fate)
      }
      let isOver = false
      const end = (run: () => void): void => {
        if (isOver) return
        isOver = true
        from.deliver(run)
      }
      const broken = (why: string): void => {
        end(() => {
          reject(new ConnectionError(`${name}: ${why}`))
        })
      }
      const arrive = (answer: boolean): void => {
        if (to.downUntil > scheduler.now) {
          if (answer) broken('refused')
          return
        }
        const back = (run: () => void): void => {
          if (!answer) return
          scheduler.after(this.#latencyMs(), () => {
            if (from.cutOffUntil > scheduler.now) broken('cut off')
            else end(run)
          })
        }
        if (trace.isOn) trace.write(from.name, name, '')
        handle({
          ok: (value) => {
            back(() => {
              resolve(value)
            })
          },
          fail: (error) => {
            back(() => {
              reject(error)
            })
          },
        })
      }
      const giveUpMs = random.isTrue(0.7) ? random.between(1, 200) : patienceMs
      switch (fate) {
        case 'arrives':
          scheduler.after(this.#latencyMs(), () => {
            arrive(true)
          })
          break
        case 'slow':
          scheduler.after(random.skewed(50, 8_000), () => {
            arrive(true)
          })
          break
        case 'lost':
          scheduler.after(giveUpMs, () => {
            broken('no answer')
          })
          break
        case 'replyLost':
          scheduler.after(this.#latencyMs(), () => {
            arrive(false)
          })
          scheduler.after(giveUpMs + 2, () => {
            broken('no answer')
          })
          break
        case 'held':
          scheduler.after(giveUpMs, () => {
            broken('no answer')
          })
          scheduler.after(giveUpMs + random.skewed(1, 20_000), () => {
            arrive(false)
          })
          break
        case 'crash': {
          const isSent = random.isTrue(0.6)
          const kill = (): void => {
            from.kill('killed at a request')
          }
          if (!isSent) kill()
          else {
            scheduler.after(this.#latencyMs(), () => {
              arrive(false)
            })
            if (random.isTrue(0.5)) kill()
            else scheduler.after(this.#latencyMs() + 1, kill)
          }
        }
      }
    })
  }

  #latencyMs(): number {
    return this.#parts.random.skewed(0.2, 6)
  }

  #fate(from: SimProcess, isRead: boolean): Fate {
    const { random, scheduler } = this.#parts
    if (from.cutOffUntil > scheduler.now) return 'lost'
    const { lost, replyLost, held, slow, crash } = this.faults
    const weight = isRead ? 0.1 : 1
    let drawn = random.next() / weight
    if ((drawn -= lost) < 0) return 'lost'
    if ((drawn -= slow) < 0) return 'slow'
    if ((drawn -= crash) < 0) return 'crash'
    if ((drawn -= replyLost) < 0) return 'replyLost'
    if (!isRead && (drawn -= held) < 0) return 'held'
    return 'arrives'
  }
}
