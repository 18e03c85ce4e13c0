import type avro from 'avsc'
import { FaultlineError } from '../errors/index.ts'
import { readerType } from './avro-types.ts'

/** What is asked of a schema registry with the Confluent API. */
export interface SchemaRegistry {
  /**
   * The reader of a schema id; asked once, kept for ever (ids never change their meaning).
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
const requestTimeoutMs = 5_000

/** A registry at `url`, for example http://127.0.0.1:8081 or …/apis/ccompat/v7. */
export function httpSchemaRegistry(url: string): SchemaRegistry {
  const base = url.replace(/\/+$/, '')
  const readers = new Map<number, avro.Type>()
  const unknown = new Set<number>()

  async function ask(path: string, init?: RequestInit): Promise<Response> {
    try {
      return await fetch(`${base}${path}`, {
        ...init,
        signal: AbortSignal.timeout(requestTimeoutMs),
      })
    } catch (error) {
      throw unavailable(base, error)
    }
  }

  return {
    knownReader: (id) => readers.get(id),
    async reader(id) {
      const known = readers.get(id)
      if (known !== undefined) return known
      if (unknown.has(id)) throw schemaUnknown(id)
      const response = await ask(`/schemas/ids/${id}`)
      // 404, and the answers of registries that find the id itself wrong.
      if ([400, 404, 422].includes(response.status)) {
        if (unknown.size < unknownIdsMax) unknown.add(id)
        throw schemaUnknown(id)
      }
      if (!response.ok) throw unavailable(base, new Error(`status ${response.status}`))
      const type = toReader(id, (await response.json()) as SchemaAnswer)
      readers.set(id, type)
      return type
    },
    async register(subject, schema) {
      const response = await ask(`/subjects/${encodeURIComponent(subject)}/versions`, {
        method: 'POST',
        headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
        body: JSON.stringify({ schema: JSON.stringify(schema) }),
      })
      if (!response.ok)
        throw unavailable(base, new Error(`status ${response.status} for ${subject}`))
      const { id } = (await response.json()) as { id: number }
      return id
    },
  }
}

interface SchemaAnswer {
  readonly schema: string
  /** Absent for Avro. */
  readonly schemaType?: string
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
