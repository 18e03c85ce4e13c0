import { faultCodeChannel, readingAt } from '../model/index.ts'
import { fits } from '../state/index.ts'
import { header } from '../state/layout.ts'
import { countStarts, startsPerHour } from '../state/starts.ts'
import { rollChannels } from './channel-statistics.ts'
import { brokenBy, crossedLimit } from './rules.ts'
import type { AlertLevel, ExplanationEntry, Scored, Scorer, ScoreInput } from './scored.ts'

const ruleContribution = 0.25
/** z up to which a deviation is usual, and the range above it over which the anomaly share grows to 1. */
const usualZ = 3
const zRange = 5

interface ReferenceScorerOptions {
  /** Time in which a fault score counts half in the decayed sum. */
  readonly halfLifeMs: number
}

/**
 * The reference formula (docs/scoring.md): rules, and the largest deviation from each channel's own past.
 * `score` throws when the state was not fitted to the model: that is a programming mistake.
 */
export function createReferenceScorer({ halfLifeMs }: ReferenceScorerOptions): Scorer {
  return {
    score(input) {
      if (!fits(input.state, input.model)) throw new Error('the state is not fitted to the model')
      return scoreMeasurement(input, halfLifeMs)
    },
  }
}

/** The reference formula with a half-life of one hour. */
export const referenceScorer: Scorer = createReferenceScorer({ halfLifeMs: 3_600_000 })

function scoreMeasurement(input: ScoreInput, halfLifeMs: number): Scored {
  const { model, state, measuredAt, readings } = input
  const events = state.view.getFloat64(header.events, true) + 1
  const last = events === 1 ? measuredAt : state.view.getFloat64(header.lastMeasuredAt, true)

  const { z, at } = rollChannels(state, model, readings)
  if (measuredAt >= last) countStarts(state, { model, readings, measuredAt, last })
  const explanation = brokenRules(input)
  const reasons = explanation.map((entry) => entry.code)

  const r = Math.min(1, ruleContribution * reasons.length)
  const s = Math.max(0, Math.min(1, (z - usualZ) / zRange))
  const faultScore = 1 - (1 - r) * (1 - s)
  if (s > 0) explanation.push(anomaly(model.channels[at] ?? '', z, s))
  const faultCode = readingAt(readings, model.faultCodeAt)
  const isCritical = faultCode !== 0 && !Number.isNaN(faultCode)
  if (isCritical) explanation.push(faultCodeEntry(faultCode))

  state.view.setFloat64(header.events, events, true)
  const decayed = addDecayed(input, { last, faultScore, halfLifeMs })
  return {
    fault_score: faultScore,
    alert_level: alertLevel(isCritical, reasons.length > 0),
    fault_reasons: reasons,
    explanation,
    features: features(input, { max_z: z, events, decayed_faults: decayed }),
  }
}

/** One entry for each rule that holds, in the model's order. */
function brokenRules(input: ScoreInput): ExplanationEntry[] {
  const entries: ExplanationEntry[] = []
  for (const rule of input.model.rules) {
    const value = brokenBy(rule, input)
    if (Number.isNaN(value)) continue
    entries.push({
      source: 'rule',
      code: rule.code,
      channel: rule.channel,
      value,
      limit: crossedLimit(rule, value),
      contribution: ruleContribution,
    })
  }
  return entries
}

function anomaly(channel: string, z: number, contribution: number): ExplanationEntry {
  return { source: 'anomaly', code: 'ANOMALY', channel, value: z, limit: usualZ, contribution }
}

/** Why a measurement is critical. It adds nothing to the score: the device says so itself, at any score. */
function faultCodeEntry(value: number): ExplanationEntry {
  return {
    source: 'rule',
    code: 'FAULT_CODE',
    channel: faultCodeChannel,
    value,
    limit: 0,
    contribution: 0,
  }
}

function alertLevel(isCritical: boolean, anyRule: boolean): AlertLevel {
  if (isCritical) return 'critical'
  return anyRule ? 'warning' : 'normal'
}

/** Adds a fault score to the decayed sum; a late measurement neither decays it nor moves the clock. */
function addDecayed(
  { state: { view }, measuredAt }: ScoreInput,
  { last, faultScore, halfLifeMs }: { last: number; faultScore: number; halfLifeMs: number },
): number {
  const elapsed = Math.max(0, measuredAt - last)
  const decayed =
    view.getFloat64(header.decayedFaults, true) * Math.pow(2, -elapsed / halfLifeMs) + faultScore
  view.setFloat64(header.lastMeasuredAt, Math.max(last, measuredAt), true)
  view.setFloat64(header.decayedFaults, decayed, true)
  return decayed
}

function features(
  { model, state }: ScoreInput,
  always: { max_z: number; events: number; decayed_faults: number },
): Readonly<Record<string, number>> {
  if (model.startCounters.length === 0) return always
  let most = 0
  for (let i = 0; i < model.startCounters.length; i++) {
    most = Math.max(most, startsPerHour(state, i))
  }
  const { max_z, events, decayed_faults } = always
  return { max_z, events, decayed_faults, starts_per_hour: most }
}
