/**
 * A model's rules: data, kept in `device_models.rules` (jsonb) and evaluated here, never executed.
 * Each rule compares one measure with one limit, and may be guarded: it is evaluated only where every guard holds.
 * A measure that is missing (null, NaN, not in the model) breaks no rule and satisfies no guard.
 */

/** Exactly one of the three is given; `outside` excludes its ends: [low, high] holds for v < low or v > high. */
export type Limit =
  | { readonly above: number }
  | { readonly below: number }
  | { readonly outside: readonly [number, number] }

/** The reading of `channel`, or its difference `channel - minus`. */
export interface ChannelMeasure {
  readonly channel: string
  readonly minus?: string
}

/**
 * Starts in the last hour of event time: `starts_of` rising above `running_above`. At most 64 are counted. A device that is
 * running when first seen has not started, and a measurement without a reading of `starts_of` breaks no such rule.
 */
export interface StartsMeasure {
  readonly starts_of: string
  readonly running_above: number
}

export type Measure = ChannelMeasure | StartsMeasure
export type Guard = ChannelMeasure & Limit
export type Rule = { readonly code: string; readonly when?: readonly Guard[] } & Measure & Limit

/** A row of `device_models`. */
export interface DeviceModel {
  readonly model: string
  readonly type: string
  readonly channels: readonly string[]
  readonly units: readonly string[]
  readonly rules: readonly Rule[]
}

/** A row of `device_catalog`, without what no reader needs. */
export interface CatalogDevice {
  readonly device_id: string
  readonly type: string
  readonly model: string
  readonly name: string | null
  readonly line: string | null
  readonly location: string | null
}
