import { hashText } from './hash-text.ts'
import type { ChannelMeasure, DeviceModel, Limit, Rule } from './rule.ts'

/** The channel that makes a measurement critical when it is not zero: a name every model may use, by convention. */
export const faultCodeChannel = 'fault_code'

/** Starts remembered per counter; the most that `starts_of` can report. */
export const startsKeptMax = 64

/** A value to compare, resolved to places in the readings: `readings[at] - readings[minusAt]`, or `readings[at]` (-1). */
interface CompiledReading {
  readonly at: number
  readonly minusAt: number
}

/** Every limit as a range: it is crossed below `low` or above `high`; an open side is infinite. */
interface CompiledLimit {
  readonly low: number
  readonly high: number
}

export type CompiledGuard = CompiledReading & CompiledLimit

export interface CompiledRule extends CompiledReading, CompiledLimit {
  readonly code: string
  /** What is compared, for people: `a`, or `a - b`. */
  readonly channel: string
  /** Place in `startCounters` of the counter that is compared, or -1: the reading is. */
  readonly counter: number
  readonly guards: readonly CompiledGuard[]
}

/** What is counted for one or more rules: readings of a channel rising above a level. */
export interface StartCounter {
  readonly at: number
  readonly runningAbove: number
  /** Recognises the counter in a stored state. */
  readonly key: number
}

/** A model made ready for scoring. It is immutable, and compiled once for each version of the model's row. */
export interface CompiledModel {
  readonly model: string
  readonly channels: readonly string[]
  /** In the model's order, without the rules that are in `problems`. */
  readonly rules: readonly CompiledRule[]
  readonly startCounters: readonly StartCounter[]
  /** Place of the channel `fault_code`, or -1. */
  readonly faultCodeAt: number
  /** `channelHashes[n]` stands for the model's name and its first n channels, in order. */
  readonly channelHashes: readonly number[]
  /** One sentence for each rule that can never hold, and why. */
  readonly problems: readonly string[]
}

/**
 * Resolves a model's channel names once. It never throws: a rule that names an unknown channel is left out, so it never
 * holds, and `problems` says so.
 */
export function compileModel(model: DeviceModel): CompiledModel {
  const places = new Map<string, number>()
  model.channels.forEach((channel, at) => {
    if (!places.has(channel)) places.set(channel, at)
  })
  const channelHashes = [hashText(model.model)]
  for (const channel of model.channels) channelHashes.push(hashText(channel, channelHashes.at(-1)))

  const startCounters: StartCounter[] = []
  const problems: string[] = []
  const rules: CompiledRule[] = []
  for (const rule of model.rules) {
    const problem = problemOf(rule, places)
    if (problem === null) rules.push(compileRule(rule, places, startCounters))
    else problems.push(`Rule ${rule.code} of model ${model.model} never holds: ${problem}.`)
  }
  return {
    model: model.model,
    channels: model.channels,
    rules,
    startCounters,
    faultCodeAt: places.get(faultCodeChannel) ?? -1,
    channelHashes,
    problems,
  }
}

function problemOf(rule: Rule, places: ReadonlyMap<string, number>): string | null {
  const named = [...channelsOf(rule), ...(rule.when ?? []).flatMap(channelsOf)]
  const unknown = named.find((channel) => !places.has(channel))
  if (unknown !== undefined) return `the model has no channel "${unknown}"`
  if ('starts_of' in rule && 'above' in rule && rule.above >= startsKeptMax) {
    return `at most ${startsKeptMax} starts an hour are counted`
  }
  return null
}

function channelsOf(measure: ChannelMeasure | Rule): readonly string[] {
  if ('starts_of' in measure) return [measure.starts_of]
  return measure.minus === undefined ? [measure.channel] : [measure.channel, measure.minus]
}

function compileRule(
  rule: Rule,
  places: ReadonlyMap<string, number>,
  startCounters: StartCounter[],
): CompiledRule {
  const shared = {
    code: rule.code,
    guards: (rule.when ?? []).map((guard) => ({
      ...compileReading(guard, places),
      ...compileLimit(guard),
    })),
    ...compileLimit(rule),
  }
  if ('starts_of' in rule) {
    const at = places.get(rule.starts_of) ?? -1
    const key = hashText(`${rule.starts_of} > ${rule.running_above}`)
    let counter = startCounters.findIndex((other) => other.key === key)
    if (counter < 0) counter = startCounters.push({ at, runningAbove: rule.running_above, key }) - 1
    return { ...shared, channel: rule.starts_of, at, minusAt: -1, counter }
  }
  const channel = rule.minus === undefined ? rule.channel : `${rule.channel} - ${rule.minus}`
  return { ...shared, channel, ...compileReading(rule, places), counter: -1 }
}

function compileReading(
  measure: ChannelMeasure,
  places: ReadonlyMap<string, number>,
): CompiledReading {
  return {
    at: places.get(measure.channel) ?? -1,
    minusAt: measure.minus === undefined ? -1 : (places.get(measure.minus) ?? -1),
  }
}

function compileLimit(limit: Limit): CompiledLimit {
  if ('above' in limit) return { low: -Infinity, high: limit.above }
  if ('below' in limit) return { low: limit.below, high: Infinity }
  return { low: limit.outside[0], high: limit.outside[1] }
}
