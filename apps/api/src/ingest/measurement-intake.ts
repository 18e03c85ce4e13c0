import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import {
  readLineGroups,
  Submission,
  type DirectoryCache,
  type GroupCommitter,
  type ItemError,
} from '@faultline/ingest/intake'
import type { Clock } from '@faultline/runtime/clock'
import { FaultlineError } from '@faultline/runtime/errors'
import { bodyChunks } from './body.ts'
import { ByteBudget, type Lease } from './byte-budget.ts'

/** A JSON body is parsed in one go, in which the process does nothing else; lines are parsed as they come. */
export const jsonBytesMax = 1_048_576
export const ndjsonBytesMax = 16 * 1_048_576
export const itemsMax = 50_000
/** Of one request as rows: a reading by name takes a row of all the model's channels. */
const rowBytesMax = 32 * 1_048_576
/** Of all requests together. */
export const heldBytesMax = 64 * 1_048_576
/** PostgreSQL may stand still without going away; a caller is not left without an answer. */
const answerMaxMs = 30_000

export interface IntakeAnswer {
  readonly accepted: number
  readonly rejected: number
  readonly rejected_indexes: readonly number[]
  readonly errors: readonly ItemError[]
  readonly replayed: boolean
}

interface IntakeRequest {
  readonly request: IncomingMessage
  readonly isNdjson: boolean
  readonly key: string | null
}

interface MeasurementIntakeDeps {
  readonly directory: Pick<DirectoryCache, 'reader'>
  readonly committer: Pick<GroupCommitter, 'submit'>
  readonly clock: Clock
  readonly onRejected: (reason: string, items: number) => void
}

/** Takes measurements from requests into PostgreSQL, holding a bounded number of bytes for all of them together. */
export class MeasurementIntake {
  readonly #deps: MeasurementIntakeDeps
  readonly #budget = new ByteBudget(heldBytesMax)

  constructor(deps: MeasurementIntakeDeps) {
    this.#deps = deps
  }

  get heldBytes(): number {
    return this.#budget.held
  }

  /**
   * Resolves when all that was accepted is committed.
   * @throws FaultlineError ARGUMENT_INVALID, BODY_TOO_LARGE, MEDIA_TYPE_UNSUPPORTED, INGEST_BUSY, DATABASE_UNAVAILABLE,
   *   IDEMPOTENCY_KEY_REUSED
   */
  async take({ request, isNdjson, key }: IntakeRequest): Promise<IntakeAnswer> {
    const lease = this.#budget.lease()
    let submission: Submission
    let mark: string
    try {
      submission = new Submission(await this.#deps.directory.reader())
      const max = isNdjson ? ndjsonBytesMax : jsonBytesMax
      const body = new MeteredBody(request, { max, lease, submission })
      await (isNdjson ? readNdjson(body, submission) : readJson(body, submission))
      mark = body.digest()
      if (submission.items === 0) {
        throw new FaultlineError('ARGUMENT_INVALID', 'The body has no measurement.')
      }
    } catch (error) {
      lease.release()
      throw error
    }
    const { rows, items, refused, errors, reasons } = submission
    const submitted = this.#deps.committer.submit({ key, mark, rows, items })
    // Also where the caller was told that it takes too long: until then the rows are held.
    const release = () => {
      lease.release()
    }
    submitted.then(release, release)
    const { written, rejected, replayed, mark: known } = await this.#inTime(submitted)
    if (replayed && known !== mark) {
      throw new FaultlineError(
        'IDEMPOTENCY_KEY_REUSED',
        'The Idempotency-Key was used for another body before; nothing of this one was taken.',
      )
    }
    if (!replayed) for (const [reason, count] of reasons) this.#deps.onRejected(reason, count)
    return { accepted: written, rejected, rejected_indexes: refused, errors, replayed }
  }

  async #inTime<T>(work: Promise<T>): Promise<T> {
    const done = new AbortController()
    const late = this.#deps.clock.sleep(answerMaxMs, done.signal).then(() => {
      throw new FaultlineError('DATABASE_UNAVAILABLE', 'PostgreSQL takes too long to commit')
    })
    // Abandoned once the work is done.
    late.catch(() => undefined)
    try {
      return await Promise.race([work, late])
    } finally {
      done.abort()
    }
  }
}

interface Meter {
  readonly max: number
  readonly lease: Lease
  readonly submission: Submission
}

/** A body's bytes, counted and held against what is allowed as they come. */
class MeteredBody {
  readonly #request: IncomingMessage
  readonly #meter: Meter
  readonly #hash = createHash('sha256')

  constructor(request: IncomingMessage, meter: Meter) {
    const announced = Number(request.headers['content-length'] ?? 0)
    if (announced > meter.max) throw tooLarge(meter.max)
    meter.lease.hold(announced)
    this.#request = request
    this.#meter = meter
  }

  async *chunks(): AsyncGenerator<Buffer> {
    const { max, lease, submission } = this.#meter
    let bytes = 0
    for await (const chunk of bodyChunks(this.#request)) {
      bytes += chunk.length
      if (bytes > max) throw tooLarge(max)
      if (submission.rows.byteLength > rowBytesMax) {
        throw new FaultlineError('BODY_TOO_LARGE', 'The readings of one request are too many.')
      }
      lease.hold(bytes + submission.rows.byteLength)
      this.#hash.update(chunk)
      yield chunk
    }
  }

  /** Once all of it was read. */
  digest(): string {
    return this.#hash.digest('base64url')
  }
}

function tooLarge(max: number): FaultlineError {
  return new FaultlineError('BODY_TOO_LARGE', `The body is larger than ${max / 1_048_576} MiB.`)
}

async function readNdjson(body: MeteredBody, submission: Submission): Promise<void> {
  for await (const lines of readLineGroups(body.chunks())) {
    for (const line of lines) {
      submission.addLine(line)
      if (submission.items > itemsMax) throw tooMany()
    }
  }
}

async function readJson(body: MeteredBody, submission: Submission): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of body.chunks()) chunks.push(chunk)
  const items = parseJson(Buffer.concat(chunks))
  if (items.length > itemsMax) throw tooMany()
  for (const item of items) submission.add(item)
}

function parseJson(bytes: Buffer): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    return Array.isArray(value) ? value : [value]
  } catch (error) {
    throw new FaultlineError('ARGUMENT_INVALID', 'The body is not JSON in UTF-8.', { cause: error })
  }
}

function tooMany(): FaultlineError {
  return new FaultlineError('BODY_TOO_LARGE', `The body has more than ${itemsMax} measurements.`)
}
