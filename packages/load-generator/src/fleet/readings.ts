import { chance, chanceBetween, jitter, jitterAt, placeNumber, stepTo, wander } from './chance.ts'
import type { Fault, FaultKind } from './fault.ts'
import type { Moment } from './moment.ts'

/**
 * A reversible unit on a winter's day: it heats. The compressor has a variable speed and follows the demand in slow waves, so
 * a healthy unit has no jumps. Temperatures in °C, pressure in kPa, current in A, power in kW.
 */
interface Physics {
  readonly outdoor: number
  /** Heating demand, about 0.4 to 1. */
  readonly load: number
  returnAir: number
  /** Supply air over return air. */
  rise: number
  pressure: number
  current: number
  fanPower: number
  faultCode: number
  dataQuality: number
  /** Overrides the supply sensor. */
  supplyReading: number | undefined
}

const minuteMs = 60_000
const dayMs = 86_400_000

/** What of a unit's chance is used for what; channels use their own numbers below this. */
const use = {
  outdoor: 200,
  returnAir: 201,
  period: 202,
  phase: 203,
  passengers: 204,
  base: 205,
  share: 206,
} as const

const idleCurrent = 8
/** kW for each A of a three-phase motor at 400 V. */
const powerPerAmpere = 0.59

const firstAuxiliary = 7

/**
 * The readings of a fleet's units: first the channels of the model metro-hvac that its rules look at, then as many auxiliary
 * ones as wanted. Sensors tell thousandths, so a reading in decimal, in float32 and back is the same reading.
 */
export class ReadingsModel {
  readonly #seed: number
  readonly #channels: number
  /** Of each auxiliary channel: around which value it moves, and by how much of it. */
  readonly #bases: Float64Array
  readonly #shares: Float64Array

  constructor(seed: number, channels: number) {
    if (channels < firstAuxiliary)
      throw new RangeError(`a unit has at least ${firstAuxiliary} channels`)
    this.#seed = seed
    this.#channels = channels
    const each = (what: number, low: number, high: number) =>
      Float64Array.from({ length: channels }, (_, channel) =>
        chanceBetween([seed, -1, what, channel], low, high),
      )
    this.#bases = each(use.base, 10, 90)
    this.#shares = each(use.share, 0.02, 0.1)
  }

  readingsAt(moment: Moment, fault: Fault | undefined): Float32Array {
    const physics = healthyPhysics(moment)
    if (fault !== undefined) effects[fault.kind](physics, fault.severity, moment)
    const { seed, unit, timeMs } = moment
    const second = Math.floor(timeMs / 1000)
    const noise = (channel: number, amplitude: number): number =>
      amplitude * jitter([seed, unit, channel, second])
    const readings = new Float32Array(this.#channels)
    const supply = physics.supplyReading ?? physics.returnAir + physics.rise + noise(0, 0.05)
    readings.set(
      [
        supply,
        physics.returnAir + noise(1, 0.05),
        physics.pressure + noise(2, 2),
        physics.current + noise(3, 0.02),
        physics.current * powerPerAmpere + physics.fanPower + noise(4, 0.02),
        physics.faultCode,
        physics.dataQuality + noise(6, 0.005),
      ].map(thousandths),
    )
    this.#setAuxiliary(readings, physics, { unit, second })
    return readings
  }

  /** Auxiliary channels each follow one of the drivers at their own scale, with noise. */
  #setAuxiliary(
    readings: Float32Array,
    physics: Physics,
    { unit, second }: { readonly unit: number; readonly second: number },
  ): void {
    const drivers = [
      (physics.current - 15) / 10,
      (physics.outdoor - 5) / 5,
      physics.load - 0.7,
      (physics.pressure - 1_050) / 200,
      physics.fanPower - 1.5,
    ]
    const place = placeNumber([this.#seed, unit])
    for (let channel = firstAuxiliary; channel < readings.length; channel += 1) {
      const base = this.#bases[channel] ?? 0
      const share = this.#shares[channel] ?? 0
      const driver = drivers[channel % drivers.length] ?? 0
      const noise = 0.005 * jitterAt(stepTo(stepTo(place, channel), second))
      readings[channel] = thousandths(base * (1 + share * driver + noise))
    }
  }
}

function thousandths(value: number): number {
  return Math.round(value * 1_000) / 1_000
}

function healthyPhysics({ seed, unit, timeMs }: Moment): Physics {
  const timeOfDay = (timeMs % dayMs) / dayMs
  // Coldest at five in the morning; the weather is the same for all, the sun on the car is not.
  const outdoor =
    5 -
    4 * Math.cos(2 * Math.PI * (timeOfDay - 5 / 24)) +
    0.8 * wander([seed, unit, use.outdoor], timeMs, 60 * minuteMs)
  const passengers = wander([seed, unit, use.passengers], timeMs, 20 * minuteMs)
  const load = (21 - outdoor) / 24 - 0.06 * passengers
  const wave = compressorWave({ seed, unit, timeMs })
  const current = idleCurrent + (7 + 6 * load) * wave
  return {
    outdoor,
    load,
    returnAir: 20.5 + 0.7 * wander([seed, unit, use.returnAir], timeMs, 30 * minuteMs),
    rise: 5 + 5 * load * (0.5 + 0.5 * wave),
    pressure: 900 + 22 * (current - idleCurrent),
    current,
    fanPower: 1.5,
    faultCode: 0,
    dataQuality: 0.99,
    supplyReading: undefined,
  }
}

/** Speed of the compressor over its idle speed, 0 to 1, in waves of 20 to 30 minutes: two or three starts an hour. */
function compressorWave({ seed, unit, timeMs }: Moment): number {
  const periodMs = chanceBetween([seed, unit, use.period], 20, 30) * minuteMs
  const phase = chance([seed, unit, use.phase])
  return 0.5 - 0.5 * Math.cos(2 * Math.PI * (timeMs / periodMs + phase))
}

type Effect = (physics: Physics, severity: number, moment: Moment) => void

/** What each fault does to the unit; at severity 1 at least one rule of the model is broken, whatever the moment. */
const effects: Readonly<Record<FaultKind, Effect>> = {
  // Less refrigerant: less pressure, and too little heat for the air.
  'refrigerant-leak': (physics, severity) => {
    physics.pressure *= 1 - 0.7 * severity
    physics.rise *= 1 - 0.85 * severity
  },
  // Less air through the same coil: it leaves hotter, and the fan works harder.
  'clogged-filter': (physics, severity) => {
    physics.rise += 13 * severity
    physics.fanPower += 0.9 * severity
    physics.pressure += 250 * severity
  },
  // A faulty pressure switch: the compressor starts every two minutes.
  'short-cycling': (physics, severity, { timeMs }) => {
    if (severity < 0.1) return
    const isRunning = timeMs % (2 * minuteMs) < minuteMs
    physics.current = isRunning ? 18 : idleCurrent
    physics.pressure = isRunning ? 1_150 : 880
  },
  'sensor-drift': (physics, severity, moment) => {
    physics.supplyReading = physics.returnAir + physics.rise - 12 * severity
    physics.supplyReading += 0.05 * jitter([moment.seed, moment.unit, 0, moment.timeMs])
    physics.dataQuality -= 0.2 * severity
  },
  // An open circuit reads as the lower end of the scale.
  'sensor-stuck': (physics, severity) => {
    if (severity < 0.1) return
    physics.supplyReading = 2
    physics.dataQuality = 0.5
  },
  // No air takes the heat away: sensor and pressure rise until the unit reports it.
  'fan-failure': (physics, severity) => {
    physics.fanPower *= 1 - severity
    physics.rise += 22 * severity
    physics.pressure += 1_300 * severity
    if (severity >= 0.8) physics.faultCode = 34
  },
  // A winding fault: more and more current, until the protection reports it.
  'over-current': (physics, severity) => {
    physics.current += 46 * severity
    if (severity >= 0.6) physics.faultCode = 21
  },
}
