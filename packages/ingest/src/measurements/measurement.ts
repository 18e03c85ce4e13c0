/** A row of `raw_measurements` to be written. */
export interface Measurement {
  readonly deviceId: string
  /** Epoch milliseconds, inside the range of plausible clocks. */
  readonly measuredAtMs: number
  /** One value a channel of the model, as float32; NaN where there is none (NULL in PostgreSQL). */
  readonly readings: Float32Array
  readonly carNumber: number | null
}
