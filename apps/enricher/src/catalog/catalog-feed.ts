import type { KafkaRecord } from '@faultline/runtime/kafka'
import { toChange } from '../change/change.ts'
import type { Catalog } from './catalog.ts'

interface FeedOptions {
  readonly catalog: Catalog
  readonly topics: { readonly catalog: string; readonly models: string }
  readonly decode: (value: Buffer) => Promise<unknown>
  /** Called once for each group of changes applied. */
  readonly onApplied: () => void
}

/**
 * Applies catalog records in order. An undecodable catalog record stops the process: going on would enrich measurements with
 * a device that is known to be out of date.
 */
export function createCatalogFeed({ catalog, topics, decode, onApplied }: FeedOptions) {
  return async (topic: string, records: readonly KafkaRecord[]): Promise<void> => {
    for (const { value } of records) {
      // A tombstone follows each delete for the sake of compaction; the delete itself said it all.
      if (value === null) continue
      const change = toChange(await decode(value))
      if (change === null) continue
      if (topic === topics.catalog) catalog.applyDevice(change)
      else if (topic === topics.models) catalog.applyModel(change)
    }
    onApplied()
  }
}
