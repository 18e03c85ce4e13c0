import { decayedSumAt } from '@faultline/core/ranking'
import { isoTime } from './http/as-of.ts'
import { oldestOf, type Progress } from './ports/progress.ts'
import type { RankingQuestion, ServingReader, TypedFleetSummary } from './ports/serving-reader.ts'
import type { RankedDevice } from './schemas/device.ts'
import { rankingTime } from './schemas/ranking-time.ts'

export interface Ranking {
  /** The moment of `decayed_faults` in a live ranking, epoch ms. */
  readonly atMs: number
  readonly halfLifeMs: number | null
  readonly devices: readonly RankedDevice[]
  readonly progress: Progress
}

/** A ranking with what a reader wants to know of each device. A device removed between the two reads is left out. */
export async function readRanking(
  serving: ServingReader,
  question: RankingQuestion,
  nowMs: number,
): Promise<Ranking> {
  const ranked = await serving.ranking(question)
  const { halfLifeMs } = ranked.value
  const summaries = await serving.devices(ranked.value.devices.map(({ deviceId }) => deviceId))
  const progress = oldestOf(ranked.progress, summaries.progress)
  const atMs = rankingTime(progress, nowMs)
  const devices: RankedDevice[] = []
  for (const [index, { score }] of ranked.value.devices.entries()) {
    const summary = summaries.value[index]
    if (summary === null || summary === undefined) continue
    const live = question.window === 'live' && halfLifeMs !== null
    devices.push({
      rank: devices.length + 1,
      device_id: summary.device_id,
      type: summary.type,
      name: summary.name,
      line: summary.line,
      location: summary.location,
      alert_level: summary.alert_level,
      fault_score: summary.fault_score,
      fault_reasons: [...summary.fault_reasons],
      explanation: [...summary.explanation],
      last_measured_at: isoTime(summary.last_measured_at),
      decayed_faults: live ? decayedSumAt(score, atMs, halfLifeMs) : score,
      score,
    })
  }
  return { atMs, halfLifeMs, devices, progress }
}

export function fleetBody(fleet: TypedFleetSummary) {
  return {
    type: fleet.type,
    devices: fleet.devices,
    devices_by_alert_level: {
      normal: fleet.devices_normal,
      warning: fleet.devices_warning,
      critical: fleet.devices_critical,
    },
    events: fleet.events,
    faults: fleet.faults,
  }
}
