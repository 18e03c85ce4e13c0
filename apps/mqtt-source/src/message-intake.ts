import type { DirectoryCache, GroupCommitter, Refusal } from '@faultline/ingest/intake'
import { MeasurementBatch } from '@faultline/ingest/measurements'
import type { Patience } from '@faultline/ingest/patience'
import type { Clock } from '@faultline/runtime/clock'
import { failpoint } from '@faultline/runtime/failpoints'
import type { MqttMessage } from '@faultline/runtime/mqtt'
import { isJson, messageKey, readMessage } from './read-message.ts'
import type { RejectionLog } from './rejection-log.ts'
import type { TopicTemplate } from './topic-template.ts'

/** Of the source's entries in the ledger: one for each message. */
export const ledgerSource = 'mqtt'

/** A row of a frame as PostgreSQL gets it fits in. */
const rowBytes = 1_024
/** Of a rejected message: more is cut. */
const keptBytesMax = 1_048_576

interface MessageIntakeDeps {
  readonly template: TopicTemplate
  readonly directory: Pick<DirectoryCache, 'reader'>
  readonly committer: Pick<GroupCommitter, 'submit'>
  readonly rejections: Pick<RejectionLog, 'add'>
  readonly patience: Patience
  readonly clock: Clock
  readonly onRejected: (reason: string) => void
  readonly onReplayed: () => void
}

/** Takes messages into PostgreSQL, each once. */
export class MessageIntake {
  readonly #deps: MessageIntakeDeps

  constructor(deps: MessageIntakeDeps) {
    this.#deps = deps
  }

  /**
   * Resolves when the message is committed or its rejection is, however long that takes, or was before.
   * @throws the reason of a stop, and what does not pass by itself
   */
  async take(message: MqttMessage): Promise<void> {
    const { template, directory, committer, patience, onRejected, onReplayed } = this.#deps
    const reader = await patience.until('PostgreSQL', () => directory.reader())
    const key = messageKey(message)
    const read = readMessage(message, template, reader)
    const rows = new MeasurementBatch(rowBytes)
    if (!('reason' in read)) rows.append(read)
    else await this.#keep(message, key, read)
    const { replayed } = await patience.until('PostgreSQL', () =>
      committer.submit({ key, mark: null, rows, items: 1 }),
    )
    failpoint('mqtt.committed-unacknowledged')
    if (replayed) onReplayed()
    else if ('reason' in read) onRejected(read.reason)
  }

  /** On disk before the ledger counts it: a crash between the two leaves the line twice, never not at all. */
  async #keep(message: MqttMessage, key: string, { reason, detail }: Refusal): Promise<void> {
    const { patience, rejections, clock } = this.#deps
    const encoding = isJson(message) ? 'text' : 'base64'
    const line = {
      topic: message.topic,
      received_at: new Date(clock.now()).toISOString(),
      message: key,
      reason,
      detail,
      raw: message.payload.toString(encoding === 'text' ? 'utf8' : 'base64', 0, keptBytesMax),
      encoding,
    }
    await patience.until('room for rejected messages', () => rejections.add(line))
    failpoint('mqtt.rejection-kept')
  }
}
