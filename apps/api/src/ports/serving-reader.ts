import type { DeviceEvent, DeviceSummary, FleetSummary } from '@faultline/contracts/device-summary'
import type { RankingWindow } from '@faultline/contracts/redis-keys'
import type { Progress, Reading } from './progress.ts'

export interface RankedDevice {
  readonly deviceId: string
  /** As the serving store keeps it: the log-domain score of the live ranking, or the fault sum of a window. */
  readonly score: number
}

export interface StreamedEvent {
  /** Place in the stream, `ms-sequence`. */
  readonly id: string
  readonly event: DeviceEvent
}

export interface StreamedEvents {
  readonly events: readonly StreamedEvent[]
  /** Entries that followed `after` may have left the stream, which keeps only the newest. */
  readonly hasGap: boolean
  /** Which generation of the store this is; null before the first rebuild. Ids of one mean nothing in another. */
  readonly generation: string | null
}

interface Ranked {
  /** The worst devices first. */
  readonly devices: readonly RankedDevice[]
  /** The half-life the live ranking was built with, ms; null before the first record. */
  readonly halfLifeMs: number | null
}

export interface RankingQuestion {
  /** A device type or `all`. */
  readonly scope: string
  readonly window: 'live' | RankingWindow
  readonly limit: number
}

export interface TypedFleetSummary extends FleetSummary {
  readonly type: string
}

/**
 * The questions the API asks of the serving store. Every answer is bounded by its arguments.
 * @throws FaultlineError SERVING_STORE_UNAVAILABLE from every method while the store is away
 */
export interface ServingReader {
  /** Summaries in the order of the ids; null where a device is unknown. */
  devices(deviceIds: readonly string[]): Promise<Reading<readonly (DeviceSummary | null)[]>>
  /** Ids of a scope in lexicographic (byte) order, those after `after` first. */
  deviceIds(scope: string, after: string | null, limit: number): Promise<Reading<readonly string[]>>
  ranking(question: RankingQuestion): Promise<Reading<Ranked>>
  /** One entry a type, ordered by type. */
  fleet(): Promise<Reading<readonly TypedFleetSummary[]>>
  /** In stream order: the first `limit` after `after`, or the newest `limit`. Null where no device of the type is known. */
  events(
    type: string,
    range: { readonly after: string | null; readonly limit: number },
  ): Promise<Reading<StreamedEvents | null>>
  progress(): Promise<Progress>
}

/** Whether one `ms-sequence` follows another. */
export function isStreamIdAfter(id: string, other: string): boolean {
  const [ms = 0, sequence = 0] = id.split('-').map(Number)
  const [otherMs = 0, otherSequence = 0] = other.split('-').map(Number)
  return ms > otherMs || (ms === otherMs && sequence > otherSequence)
}
