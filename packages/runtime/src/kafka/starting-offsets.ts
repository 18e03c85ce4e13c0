import { z } from 'zod'

/** Where a group without progress starts: the beginning, the end, a time, or given offsets by partition. */
export type StartingOffsets =
  | { readonly at: 'earliest' }
  | { readonly at: 'latest' }
  | { readonly at: 'timestamp'; readonly epochMs: number }
  | { readonly at: 'offsets'; readonly byPartition: ReadonlyMap<number, number> }

const pairs = /^\d+:\d+(,\d+:\d+)*$/

/** `earliest`, `latest`, an ISO time or epoch ms, or `partition:offset,…`. */
export const startingOffsets = z
  .string()
  .default('earliest')
  .transform((text, context): StartingOffsets => {
    if (text === 'earliest' || text === 'latest') return { at: text }
    if (pairs.test(text)) {
      const entries = text.split(',').map((pair) => pair.split(':').map(Number))
      return {
        at: 'offsets',
        byPartition: new Map(entries.map(([partition = 0, offset = 0]) => [partition, offset])),
      }
    }
    const epochMs = /^\d{10,}$/.test(text) ? Number(text) : Date.parse(text)
    if (!Number.isNaN(epochMs)) return { at: 'timestamp', epochMs }
    context.addIssue({
      code: 'custom',
      message: `expected earliest, latest, a time or partition:offset pairs, got "${text}"`,
    })
    return z.NEVER
  })
