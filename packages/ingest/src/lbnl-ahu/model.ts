import type { DeviceModel, Guard, Rule } from '@faultline/core/model'

/**
 * The model `ahu`: air-handling units of buildings, with the channels that the LBNL fault detection data set names for its
 * single-zone and multi-zone units. A unit has NULL where it lacks a point.
 *
 * The rules follow from set points, the first law and the mixing of two air streams, as in NIST's APAR rule set for
 * air-handling units. The margins come from the instruments: two duct sensors of 2 °F each make a difference uncertain by
 * about 3 °F, and a supply fan warms the air by 1 to 3 °F. None is fitted to the labels of the data set.
 */

const fanRuns: Guard = { channel: 'supply_fan_status', above: 0.5 }
const occupied: Guard = { channel: 'occupied', above: 0.5 }
const coolingClosed: Guard = { channel: 'cooling_valve', below: 0.01 }
const heatingClosed: Guard = { channel: 'heating_valve', below: 0.01 }
const damperClosed: Guard = { channel: 'outdoor_damper', below: 0.05 }
const damperOpen: Guard = { channel: 'outdoor_damper', above: 0.95 }

/** Return air and outdoor air far enough apart for their mixture to tell something. */
const outdoorColder: Guard = { channel: 'return_air_temp', minus: 'outdoor_air_temp', above: 10 }
const outdoorWarmer: Guard = { channel: 'outdoor_air_temp', minus: 'return_air_temp', above: 10 }

const supplyRise = { channel: 'supply_air_temp', minus: 'mixed_air_temp' } as const
const mixedOverReturn = { channel: 'mixed_air_temp', minus: 'return_air_temp' } as const
const mixedOverOutdoor = { channel: 'mixed_air_temp', minus: 'outdoor_air_temp' } as const

/** A controlled value stays near its set point while the unit serves its zone. Multi-zone units have one set point. */
const setPointRules: readonly Rule[] = [
  {
    code: 'SUPPLY_TEMP_OFF_SET_POINT',
    channel: 'supply_air_temp',
    minus: 'supply_air_temp_set_point',
    outside: [-4, 4],
    when: [fanRuns, occupied],
  },
  {
    code: 'SUPPLY_TEMP_BELOW_HEATING_SET_POINT',
    channel: 'supply_air_temp',
    minus: 'supply_air_temp_heating_set_point',
    below: -4,
    when: [fanRuns, occupied],
  },
  {
    code: 'SUPPLY_TEMP_ABOVE_COOLING_SET_POINT',
    channel: 'supply_air_temp',
    minus: 'supply_air_temp_cooling_set_point',
    above: 4,
    when: [fanRuns, occupied],
  },
  {
    code: 'STATIC_PRESSURE_OFF_SET_POINT',
    channel: 'static_pressure',
    minus: 'static_pressure_set_point',
    outside: [-0.3, 0.3],
    when: [fanRuns, occupied],
  },
]

/** What a coil does to the air that passes it must agree with its valve. */
const coilRules: readonly Rule[] = [
  {
    code: 'SIMULTANEOUS_HEATING_COOLING',
    channel: 'cooling_valve',
    above: 0.1,
    when: [{ channel: 'heating_valve', above: 0.1 }],
  },
  // Nothing but a cooling coil makes supply air colder than the mixed air that enters it; a fan warms it.
  {
    code: 'COOLING_VALVE_LEAKING',
    ...supplyRise,
    below: -3,
    when: [fanRuns, coolingClosed],
  },
  // The fan explains up to 3 °F, the sensors as much again.
  {
    code: 'HEATING_VALVE_LEAKING',
    ...supplyRise,
    above: 6,
    when: [fanRuns, heatingClosed],
  },
  // A valve more than half open moves the air by far more than the sensors' error.
  {
    code: 'COOLING_WITHOUT_EFFECT',
    ...supplyRise,
    above: -3,
    when: [fanRuns, heatingClosed, { channel: 'cooling_valve', above: 0.5 }],
  },
  {
    code: 'HEATING_WITHOUT_EFFECT',
    ...supplyRise,
    below: 6,
    when: [fanRuns, coolingClosed, { channel: 'heating_valve', above: 0.5 }],
  },
]

/** Mixed air lies between return and outdoor air (the first four), and near the one whose damper is open. */
const mixingRules: readonly Rule[] = [
  {
    code: 'MIXED_AIR_ABOVE_RETURN',
    ...mixedOverReturn,
    above: 4,
    when: [fanRuns, { channel: 'return_air_temp', minus: 'outdoor_air_temp', above: 0 }],
  },
  {
    code: 'MIXED_AIR_ABOVE_OUTDOOR',
    ...mixedOverOutdoor,
    above: 4,
    when: [fanRuns, { channel: 'outdoor_air_temp', minus: 'return_air_temp', above: 0 }],
  },
  {
    code: 'MIXED_AIR_BELOW_RETURN',
    ...mixedOverReturn,
    below: -4,
    when: [fanRuns, { channel: 'outdoor_air_temp', minus: 'return_air_temp', above: 0 }],
  },
  {
    code: 'MIXED_AIR_BELOW_OUTDOOR',
    ...mixedOverOutdoor,
    below: -4,
    when: [fanRuns, { channel: 'return_air_temp', minus: 'outdoor_air_temp', above: 0 }],
  },
  {
    code: 'OUTDOOR_DAMPER_LEAKING_COLD',
    ...mixedOverReturn,
    below: -5,
    when: [fanRuns, damperClosed, outdoorColder],
  },
  {
    code: 'OUTDOOR_DAMPER_LEAKING_WARM',
    ...mixedOverReturn,
    above: 5,
    when: [fanRuns, damperClosed, outdoorWarmer],
  },
  {
    code: 'OUTDOOR_DAMPER_NOT_OPEN_COLD',
    ...mixedOverOutdoor,
    above: 5,
    when: [fanRuns, damperOpen, outdoorColder],
  },
  {
    code: 'OUTDOOR_DAMPER_NOT_OPEN_WARM',
    ...mixedOverOutdoor,
    below: -5,
    when: [fanRuns, damperOpen, outdoorWarmer],
  },
]

const plausibilityRules: readonly Rule[] = [
  // No unit sends freezing or scalding air into rooms: the sensor is dead or the coil is about to be.
  { code: 'SUPPLY_TEMP_IMPLAUSIBLE', channel: 'supply_air_temp', outside: [32, 130] },
  // The setting of a usual freeze protection thermostat.
  { code: 'FREEZE_RISK', channel: 'mixed_air_temp', below: 35, when: [fanRuns] },
]

/** Channel and unit, in the order of the readings. */
const channels = [
  ['supply_air_temp', 'degF'],
  ['supply_air_temp_set_point', 'degF'],
  ['supply_air_temp_heating_set_point', 'degF'],
  ['supply_air_temp_cooling_set_point', 'degF'],
  ['outdoor_air_temp', 'degF'],
  ['mixed_air_temp', 'degF'],
  ['return_air_temp', 'degF'],
  ['supply_fan_status', 'on'],
  ['return_fan_status', 'on'],
  ['supply_fan_speed', 'ratio'],
  ['return_fan_speed', 'ratio'],
  ['exhaust_damper', 'ratio'],
  ['outdoor_damper', 'ratio'],
  ['return_damper', 'ratio'],
  ['cooling_valve', 'ratio'],
  ['heating_valve', 'ratio'],
  ['static_pressure_set_point', 'psi'],
  ['static_pressure', 'psi'],
  ['occupied', 'on'],
] as const

export type AhuChannel = (typeof channels)[number][0]

export const ahuModel: DeviceModel = {
  model: 'ahu',
  type: 'ahu',
  channels: channels.map(([name]) => name),
  units: channels.map(([, unit]) => unit),
  rules: [...setPointRules, ...coilRules, ...mixingRules, ...plausibilityRules],
}
