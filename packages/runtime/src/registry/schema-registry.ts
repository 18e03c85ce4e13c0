import type avro from 'avsc'
import { systemClock, type Clock } from '../clock.ts'
import { FaultlineError } from '../errors/index.ts'
import { readerType } from './avro-types.ts'

/** What is asked of a schema registry with the Confluent API. */
export interface SchemaRegistry {
  /**
   * The reader of a schema id; asked once, kept for ever (ids never change their meaning). An unknown one is asked for again
   * after 30 s at the earliest.
   * @throws FaultlineError SCHEMA_UNKNOWN (the registry does not know the id), REGISTRY_UNAVAILABLE
   */
  reader(id: number): Promise<avro.Type>
  /** As `reader`, from what is already known. */
  knownReader(id: number): avro.Type | undefined
  /** Registers a schema under a subject (or finds it there) and returns its id. @throws FaultlineError REGISTRY_UNAVAILABLE */
  register(subject: string, schema: unknown): Promise<number>
}

/** Ids come from records, which may be garbage: what is remembered of unknown ones is bounded. */
const unknownIdsMax = 1_000
/**
 * A registry that was restored from a backup, or follows another one, learns of a schema later: dead letters of it are replayed
 * without a restart. Long enough that a stream of garbage asks next to nothing.
 */
const askAgainAfterMs = 30_000
/** Ids are 32-bit integers with a sign; a registry does not understand a larger one. */
const idMax = 2_147_483_647
/**
 * "Schema not found" in the Confluent API. Any other 404 may come from a proxy, a wrong path or a registry that is starting, and
 * a record must not become a dead letter for that.
 */
const schemaNotFound = 40_403
const requestTimeoutMs = 5_000
/** About three seconds in all, where the registry refuses at once. */
const attemptsMax = 5
const firstDelayMs = 200

/** Ids that the registry did not know when it was asked last, for as long as it is not asked again. */
class UnknownSchemas {
  readonly #clock: Clock
  /** When the registry said so, epoch ms; the longest known first. */
  readonly #saidAt = new Map<number, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  has(id: number): boolean {
    const saidAt = this.#saidAt.get(id)
    // Either way: a clock that was set back must not make it last.
    return saidAt !== undefined && Math.abs(this.#clock.now() - saidAt) < askAgainAfterMs
  }

  add(id: number): void {
    this.#saidAt.delete(id)
    const [oldest] = this.#saidAt.keys()
    if (oldest !== undefined && this.#saidAt.size >= unknownIdsMax) this.#saidAt.delete(oldest)
    this.#saidAt.set(id, this.#clock.now())
  }
}

/** A registry at `url`, for example http://127.0.0.1:8081 or …/apis/ccompat/v7. */
export function httpSchemaRegistry(url: string, clock: Clock = systemClock): SchemaRegistry {
  const base = url.replace(/\/+$/, '')
  const readers = new Map<number, avro.Type>()
  const unknown = new UnknownSchemas(clock)

  async function ask(path: string, init?: RequestInit): Promise<Answer> {
    try {
      const response = await fetch(`${base}${path}`, {
        ...init,
        signal: AbortSignal.timeout(requestTimeoutMs),
      })
      const { ok: isOk, status } = response
      return { isOk, status, body: await response.json() }
    } catch (error) {
      throw unavailable(base, error)
    }
  }

  /**
   * A moment without an answer must not end the process: a new schema is asked for in the middle of a batch, and instances that start together
   * register the same one, which Apicurio refuses with 409 to all but the first.
   */
  async function askPatiently(path: string, init?: RequestInit): Promise<Answer> {
    for (let attempt = 1; ; attempt += 1) {
      const isLast = attempt === attemptsMax
      try {
        const answer = await ask(path, init)
        if (answer.isOk || isLast || isUnknownSchema(answer)) return answer
      } catch (error) {
        if (isLast) throw error
      }
      await clock.sleep(firstDelayMs * 2 ** (attempt - 1))
    }
  }

  return {
    knownReader: (id) => readers.get(id),
    async reader(id) {
      const known = readers.get(id)
      if (known !== undefined) return known
      if (id > idMax || unknown.has(id)) throw schemaUnknown(id)
      const answer = await askPatiently(`/schemas/ids/${id}`)
      if (isUnknownSchema(answer)) {
        unknown.add(id)
        throw schemaUnknown(id)
      }
      const { isOk, status, body } = answer
      if (!isOk || !isSchemaAnswer(body)) throw unavailable(base, new Error(`status ${status}`))
      const type = toReader(id, body)
      readers.set(id, type)
      return type
    },
    async register(subject, schema) {
      const { isOk, status, body } = await askPatiently(
        `/subjects/${encodeURIComponent(subject)}/versions`,
        {
          method: 'POST',
          headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
          body: JSON.stringify({ schema: JSON.stringify(schema) }),
        },
      )
      const { id } = (body ?? {}) as { id?: unknown }
      if (!isOk || typeof id !== 'number') {
        throw unavailable(base, new Error(`status ${status} for ${subject}`))
      }
      return id
    },
  }
}

interface Answer {
  readonly isOk: boolean
  readonly status: number
  readonly body: unknown
}

interface SchemaAnswer {
  readonly schema: string
  /** Absent for Avro. */
  readonly schemaType?: string
}

function isUnknownSchema({ body }: Answer): boolean {
  return (body as { error_code?: unknown } | null)?.error_code === schemaNotFound
}

function isSchemaAnswer(body: unknown): body is SchemaAnswer {
  return typeof (body as { schema?: unknown } | null)?.schema === 'string'
}

/** A record may carry the id of a schema that is not Avro, or that no reader can be made of: it is unreadable then. */
function toReader(id: number, { schema, schemaType = 'AVRO' }: SchemaAnswer): avro.Type {
  try {
    if (schemaType !== 'AVRO') throw new Error(`it is ${schemaType}`)
    return readerType(JSON.parse(schema) as avro.Schema)
  } catch (error) {
    throw new FaultlineError('RECORD_UNDECODABLE', `schema ${id} is not one of Avro`, {
      cause: error,
      context: { id },
    })
  }
}

function unavailable(base: string, cause: unknown): FaultlineError {
  return new FaultlineError(
    'REGISTRY_UNAVAILABLE',
    `the schema registry at ${base} did not answer`,
    {
      cause,
      remedy: 'Check SCHEMA_REGISTRY_URL and that the registry runs.',
    },
  )
}

function schemaUnknown(id: number): FaultlineError {
  return new FaultlineError('SCHEMA_UNKNOWN', `the registry knows no schema with id ${id}`, {
    context: { id },
  })
}
