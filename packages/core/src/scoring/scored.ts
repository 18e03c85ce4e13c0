import type { CompiledModel } from '../model/index.ts'
import type { DeviceState } from '../state/index.ts'

export type AlertLevel = 'normal' | 'warning' | 'critical'

/** One term of a fault score. `fault_score` follows from the contributions alone: see docs/scoring.md. */
export interface ExplanationEntry {
  readonly source: 'rule' | 'threshold' | 'anomaly' | 'model'
  /** Rule code, or ANOMALY, or FAULT_CODE. */
  readonly code: string
  /** The channel compared; for a difference `a - b`. */
  readonly channel: string
  /** The value compared, in the channel's unit; for an anomaly the z-score. */
  readonly value: number
  /** The limit that was crossed, in the same unit. */
  readonly limit: number
  /** Share of the score, in [0, 1]. */
  readonly contribution: number
}

/** One measurement of a device, with what is known about the device. */
export interface ScoreInput {
  readonly model: CompiledModel
  /** Fitted to the model (`fitState`); it is moved on in place. */
  readonly state: DeviceState
  /** Event time, whole epoch milliseconds. */
  readonly measuredAt: number
  /**
   * `readings[i]` belongs to `model.channels[i]`, in float32 range. null, NaN, an infinity and a place past the end are
   * missing readings; readings past the model's channels are not looked at.
   */
  readonly readings: ArrayLike<number | null>
}

/** What an enriched record says about a measurement, under the record's own names. All numbers are finite. */
export interface Scored {
  /** In [0, 1]. */
  readonly fault_score: number
  readonly alert_level: AlertLevel
  /** Codes of the rules that hold, in the model's order. */
  readonly fault_reasons: readonly string[]
  readonly explanation: readonly ExplanationEntry[]
  /** max_z, events, decayed_faults, and starts_per_hour where a rule needs it. */
  readonly features: Readonly<Record<string, number>>
}

/** Scores measurements in the order of a device's partition; the same input always gives the same output. */
export interface Scorer {
  score(input: ScoreInput): Scored
}
