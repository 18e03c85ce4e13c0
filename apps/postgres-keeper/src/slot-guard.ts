import {
  forecastSlot,
  isSlotUsable,
  type SlotForecast,
  type SlotSample,
} from '@faultline/runtime/postgres'

/** Growth is measured over this long: what a slot holds back goes up and down between two confirmations. */
const windowMs = 5 * 60_000
/** A slot is made after the tables, and a connector may be registered again: only what stays wrong is reported. */
const patienceMs = 60_000
/** Alarm when the room would be used up within this long, or when the slot holds more than there is room for. */
const alarmSeconds = 3_600

export interface SlotVerdict {
  readonly forecast: SlotForecast
  /** What is wrong with the slot, in a sentence. */
  readonly alarm: string | null
}

/** Judges looks at the slot, one after the other. */
export class SlotGuard {
  readonly #samples: SlotSample[] = []
  #wrongSinceMs: number | null = null

  judge(sample: SlotSample): SlotVerdict {
    const samples = this.#samples
    samples.push(sample)
    while ((samples[0]?.atMs ?? 0) < sample.atMs - windowMs) samples.shift()
    const forecast = forecastSlot(samples[0] ?? sample, sample)
    const wrong = whatIsWrong(sample, forecast)
    this.#wrongSinceMs = wrong === null ? null : (this.#wrongSinceMs ?? sample.atMs)
    const hasStayed = this.#wrongSinceMs !== null && sample.atMs - this.#wrongSinceMs >= patienceMs
    return { forecast, alarm: hasStayed ? wrong : null }
  }
}

function whatIsWrong({ status }: SlotSample, forecast: SlotForecast): string | null {
  const { slot, exists, retained_bytes, active } = status
  if (!exists) return `slot ${slot} does not exist: nothing is captured; faultline slot recover`
  if (!isSlotUsable(status)) return `slot ${slot} is lost: faultline slot recover`
  const { roomBytes, secondsLeft } = forecast
  const reader = active ? 'its reader is too slow' : 'nobody reads from it'
  if (secondsLeft !== null && secondsLeft < alarmSeconds) {
    const minutes = Math.floor(secondsLeft / 60)
    return `slot ${slot} uses up the room for the log in ${minutes} min; ${reader}`
  }
  if (roomBytes !== null && (retained_bytes ?? 0) > roomBytes) {
    return `slot ${slot} holds back more of the log than there is room left for; ${reader}`
  }
  return null
}
