import type { DeviceEvent, DeviceSummary } from '@faultline/contracts/device-summary'
import { allTypes } from '@faultline/contracts/redis-keys'
import { FaultlineError } from '@faultline/runtime/errors'
import type { Progress, Reading } from '../ports/progress.ts'
import {
  isStreamIdAfter,
  type RankedDevice,
  type ServingReader,
  type TypedFleetSummary,
} from '../ports/serving-reader.ts'

/** What a serving store holds, in plain values; a test fills it and may change it at any time. */
export interface ServingContents {
  readonly devices: Map<string, DeviceSummary>
  /** `scope:window` -> the ranking, in any order. */
  readonly rankings: Map<string, readonly RankedDevice[]>
  readonly fleet: TypedFleetSummary[]
  /** Type -> its stream, oldest first. */
  readonly streams: Map<string, { id: string; event: DeviceEvent }[]>
  progress: Progress
  halfLifeMs: number | null
  generation: string | null
  /** While true every question fails as it does without Redis. */
  isAway: boolean
  /** Called after each reading: what the next one of the same answer finds may be another generation. */
  onRead: () => void
}

export function emptyServingContents(): ServingContents {
  return {
    devices: new Map(),
    rankings: new Map(),
    fleet: [],
    streams: new Map(),
    progress: [],
    halfLifeMs: null,
    generation: null,
    isAway: false,
    onRead: () => undefined,
  }
}

/** A serving store in memory; the contract suite holds it to what the real one does. */
export function createMemoryServingReader(contents: ServingContents): ServingReader {
  const answer = <T>(read: () => T): Promise<Reading<T>> => {
    if (contents.isAway) {
      return Promise.reject(
        new FaultlineError('SERVING_STORE_UNAVAILABLE', 'switched off by the test'),
      )
    }
    const reading = { value: read(), progress: contents.progress }
    contents.onRead()
    return Promise.resolve(reading)
  }
  const byBytes = (one: string, other: string) =>
    Buffer.compare(Buffer.from(one), Buffer.from(other))
  return {
    devices: (deviceIds) => answer(() => deviceIds.map((id) => contents.devices.get(id) ?? null)),
    deviceIds: (scope, after, limit) =>
      answer(() =>
        [...contents.devices.values()]
          .filter(({ type }) => scope === allTypes || type === scope)
          .map(({ device_id }) => device_id)
          .filter((id) => after === null || byBytes(id, after) > 0)
          .toSorted(byBytes)
          .slice(0, limit),
      ),
    ranking: ({ scope, window, limit }) =>
      answer(() => ({
        devices: (contents.rankings.get(`${scope}:${window}`) ?? [])
          .toSorted(
            (one, other) => other.score - one.score || byBytes(other.deviceId, one.deviceId),
          )
          .slice(0, limit),
        halfLifeMs: contents.halfLifeMs,
      })),
    fleet: () =>
      answer(() => contents.fleet.toSorted((one, other) => byBytes(one.type, other.type))),
    events: (type, { after, limit }) =>
      answer(() => {
        const stream = contents.streams.get(type)
        if (stream === undefined) return null
        const { generation } = contents
        if (after === null) return { events: stream.slice(-limit), hasGap: false, generation }
        const [first] = stream
        return {
          events: stream.filter(({ id }) => isStreamIdAfter(id, after)).slice(0, limit),
          hasGap: first !== undefined && isStreamIdAfter(first.id, after),
          generation,
        }
      }),
    progress: async () => (await answer(() => null)).progress,
  }
}
