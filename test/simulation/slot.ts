import { FaultlineError, messageOf } from '@faultline/runtime/errors'
import {
  startApplication,
  type Application,
  type Running,
  type WorldParts,
} from './applications.ts'
import { SimProcess } from './sim-process.ts'
import type { Tally } from './tally.ts'
import type { Trace } from './trace.ts'

interface SlotParts extends WorldParts {
  readonly tally: Tally
  readonly trace: Trace
  readonly report: (violation: string) => void
}

/** Errors that say the world is broken for good; no fault of a run may lead there. */
const hopeless: readonly string[] = [
  'STATE_CORRUPT',
  'POSITION_UNKNOWN',
  'RECORDS_EXPIRED',
  'DEAD_LETTER_FLOOD',
  'CONFIG_INVALID',
]

/** A place where an instance of an application runs; a supervisor starts it again when it ends. */
export class Slot {
  readonly application: Application
  readonly #parts: SlotParts
  readonly #number: number
  #starts = 0
  #isWanted = true
  process: SimProcess
  #running: Running | undefined

  constructor(application: Application, number: number, parts: SlotParts) {
    this.application = application
    this.#number = number
    this.#parts = parts
    this.process = this.#start()
  }

  /** SIGTERM: it may end what it does, and leaves its group. */
  stopCleanly(): void {
    const { process } = this
    void this.#running?.stop().then(() => {
      process.kill('stopped')
    })
  }

  /** For good. */
  end(): void {
    this.#isWanted = false
    this.process.kill('the run is over')
  }

  #start(): SimProcess {
    const name = `${this.application}-${this.#number}.${this.#starts++}`
    const { scheduler } = this.#parts
    const process = new SimProcess(name, scheduler, (reason) => {
      this.#ended(reason)
    })
    this.process = process
    this.#running = startApplication(this.application, this.#parts, process)
    return process
  }

  #ended(reason: unknown): void {
    const { scheduler, random, tally, trace, report } = this.#parts
    trace.write(this.process.name, 'ended:', messageOf(reason))
    if (reason instanceof FaultlineError) {
      tally.add(`ended by ${reason.code}`)
      if (hopeless.includes(reason.code)) report(`${this.process.name} ended by ${reason.message}`)
    } else if (typeof reason !== 'string') {
      const text = reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)
      report(`${this.process.name} ended by a mistake: ${text}`)
    }
    if (!this.#isWanted) return
    scheduler.after(random.between(200, 3_000), () => {
      if (this.#isWanted) this.#start()
    })
  }
}
