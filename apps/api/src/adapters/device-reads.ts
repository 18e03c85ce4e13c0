import { readFileSync } from 'node:fs'
import {
  deviceSummary,
  parseDeviceSummary,
  type DeviceSummary,
} from '@faultline/contracts/device-summary'
import { redisKeys } from '@faultline/contracts/redis-keys'
import { FaultlineError } from '@faultline/runtime/errors'
import { runScript, type RedisClient, type Script } from '@faultline/runtime/redis'
import type { Progress, Reading } from '../ports/progress.ts'
import { progressOf } from './progress-hash.ts'

const script: Script = {
  name: 'read-devices',
  source: readFileSync(new URL('./read-devices.lua', import.meta.url), 'utf8'),
  keys: 'any number',
}
const fields = Object.keys(deviceSummary.shape)

/** Devices of one command, which nobody else's comes in between: Redis is busy with 500 for a few milliseconds. */
const batchMax = 500

/**
 * Devices for which the end of the turn is not awaited: Redis reads them while further questions are taken in. With all 32 of a turn in one
 * command, it and this process would wait for each other by turns.
 */
const enough = 8

/** Devices whose last text is remembered, with a few kilobytes each. */
const rememberedMax = 2_000

interface Remembered {
  readonly text: string
  readonly summary: DeviceSummary
}

interface Batch {
  readonly deviceIds: Set<string>
  readonly answer: Promise<Answer>
  /** To be called once or more. */
  readonly send: () => void
}

interface Answer {
  readonly progress: Progress
  /** JSON as the script gives it. */
  readonly summaries: ReadonlyMap<string, string>
}

/**
 * Reads summaries. Questions that come in the same turn of the event loop are sent together: every answer is still read after its
 * question came, and a device that many ask for is read once. A text that has not changed since is not taken apart again: the same
 * object is given, which tells callers that nothing changed.
 */
export class DeviceReads {
  readonly #redis: RedisClient
  readonly #remembered = new Map<string, Remembered>()
  #open: Batch | undefined

  constructor(redis: RedisClient) {
    this.#redis = redis
  }

  /** Summaries in the order of the ids, at most 500; null where a device is unknown. Throws like RedisClient.run. */
  async read(deviceIds: readonly string[]): Promise<Reading<readonly (DeviceSummary | null)[]>> {
    const { progress, summaries } = await this.#join(deviceIds)
    return { value: deviceIds.map((id) => this.#summary(id, summaries.get(id) ?? '')), progress }
  }

  #summary(deviceId: string, text: string): DeviceSummary | null {
    const remembered = this.#remembered
    const known = remembered.get(deviceId)
    if (known?.text === text) return known.summary
    const summary = summaryOf(text)
    if (summary === null) {
      remembered.delete(deviceId)
      return null
    }
    // Whoever has been remembered for the longest time makes room.
    if (known === undefined && remembered.size >= rememberedMax) {
      remembered.delete(remembered.keys().next().value ?? '')
    }
    remembered.set(deviceId, { text, summary })
    return summary
  }

  #join(deviceIds: readonly string[]): Promise<Answer> {
    let batch = this.#open
    if (batch === undefined || batch.deviceIds.size + deviceIds.length > batchMax) {
      batch = this.#openBatch()
    }
    for (const id of deviceIds) batch.deviceIds.add(id)
    if (batch.deviceIds.size >= enough) batch.send()
    return batch.answer
  }

  #openBatch(): Batch {
    const deviceIds = new Set<string>()
    const { promise: answer, resolve } = Promise.withResolvers<Answer>()
    let isSent = false
    const send = () => {
      if (isSent) return
      isSent = true
      if (this.#open === batch) this.#open = undefined
      resolve(this.#send([...deviceIds]))
    }
    const batch = { deviceIds, answer, send }
    this.#open = batch
    setImmediate(send)
    return batch
  }

  async #send(deviceIds: readonly string[]): Promise<Answer> {
    const keys = [redisKeys.progress, ...deviceIds.map((id) => redisKeys.deviceSummary(id))]
    const texts = (await runScript(this.#redis, script, { keys, args: fields })) as string[]
    const [progress = '', ...summaries] = texts
    return {
      progress: progressFrom(progress),
      summaries: new Map(deviceIds.map((id, index) => [id, summaries[index] ?? ''])),
    }
  }
}

/** A list of the script. Lua knows no difference between an empty one and an empty object. */
function listFrom(text: string): readonly (string | false)[] {
  const given = JSON.parse(text) as readonly (string | false)[] | { readonly err?: string }
  if (!('err' in given)) return 'length' in given ? given : []
  const { err = '' } = given
  throw new FaultlineError('INTERNAL_ERROR', `Redis refuses to read a summary: ${err}`)
}

function progressFrom(text: string): Progress {
  const list = listFrom(text)
  const hash: Record<string, string> = {}
  for (let at = 0; at + 1 < list.length; at += 2) hash[String(list[at])] = String(list[at + 1])
  return progressOf(hash)
}

function summaryOf(text: string): DeviceSummary | null {
  const hash: Record<string, string> = {}
  for (const [index, value] of listFrom(text).entries()) {
    if (value !== false) hash[fields[index] ?? ''] = value
  }
  return parseDeviceSummary(hash)
}
