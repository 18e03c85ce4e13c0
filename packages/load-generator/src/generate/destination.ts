import type { Measurement } from '@faultline/ingest/measurements'
import type { Defect } from './load.ts'

/** Where a load goes. What it returns resolves when more may come: that is what holds a load back. */
export interface Destination {
  /** Mistakes that the format can carry and that are found out on the way. */
  readonly defects: readonly Defect[]
  /** Takes rows, a thousand at most. */
  write(rows: readonly Measurement[]): Promise<void>
  /** Called where the load has to wait until the next row is due: what has been held for long should go out. */
  flush(): Promise<void>
  /** Sends what is held and ends; after an error of `write` only ends. */
  close(): Promise<void>
}
