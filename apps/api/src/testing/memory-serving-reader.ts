import type { DeviceEvent, DeviceSummary } from '@faultline/contracts/device-summary'
import { allTypes } from '@faultline/contracts/redis-keys'
import { FaultlineError } from '@faultline/runtime/errors'
import {
  isStreamIdAfter,
  type Progress,
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
  /** While true every question fails as it does without Redis. */
  isAway: boolean
}

export function emptyServingContents(): ServingContents {
  return {
    devices: new Map(),
    rankings: new Map(),
    fleet: [],
    streams: new Map(),
    progress: [],
    halfLifeMs: null,
    isAway: false,
  }
}

/** A serving store in memory; the contract suite holds it to what the real one does. */
export function createMemoryServingReader(contents: ServingContents): ServingReader {
  const answer = <T>(read: () => T): Promise<T> =>
    contents.isAway
      ? Promise.reject(new FaultlineError('SERVING_STORE_UNAVAILABLE', 'switched off by the test'))
      : Promise.resolve(read())
  const byBytes = (one: string, other: string) =>
    Buffer.compare(Buffer.from(one), Buffer.from(other))
  return {
    device: (deviceId) =>
      answer(() => ({
        summary: contents.devices.get(deviceId) ?? null,
        progress: contents.progress,
      })),
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
      answer(() =>
        (contents.rankings.get(`${scope}:${window}`) ?? [])
          .toSorted(
            (one, other) => other.score - one.score || byBytes(other.deviceId, one.deviceId),
          )
          .slice(0, limit),
      ),
    halfLifeMs: () => answer(() => contents.halfLifeMs),
    fleet: () =>
      answer(() => contents.fleet.toSorted((one, other) => byBytes(one.type, other.type))),
    events: (type, { after, limit }) =>
      answer(() => {
        const stream = contents.streams.get(type)
        if (stream === undefined) return null
        if (after === null) return { events: stream.slice(-limit), hasGap: false }
        const [first] = stream
        return {
          events: stream.filter(({ id }) => isStreamIdAfter(id, after)).slice(0, limit),
          hasGap: first !== undefined && isStreamIdAfter(first.id, after),
        }
      }),
    progress: () => answer(() => contents.progress),
  }
}
