import { unitsPerScore } from '@faultline/core/ranking'
import { writtenFields } from '@faultline/contracts/device-summary'
import {
  allTypes,
  progressFields,
  rankingWindowMs,
  rankingWindows,
  redisKeys,
  type RankingWindow,
} from '@faultline/contracts/redis-keys'

/** Stands for an argument of a key function when its text is taken apart. No key contains it. */
const placeholder = '\u0001'
const secondPlaceholder = '\u0002'

/** Values of a record before the written fields: offset, units, is_fault, revision, measured_at. */
export const recordHeader = 5

const quote = (text: string): string => `'${text.replaceAll(/['\\]/g, String.raw`\$&`)}'`

/** `template('a:\u0001:b')` -> `'a:' .. x .. ':b'`. */
function expression(template: string): string {
  return template
    .split(/([\u0001\u0002])/)
    .filter((part) => part !== '')
    .map((part) => (part === placeholder ? 'x' : part === secondPlaceholder ? 'y' : quote(part)))
    .join(' .. ')
}

const functions = (table: string, templates: Readonly<Record<string, string>>): string[] => [
  `local ${table} = {}`,
  ...Object.entries(templates).map(
    ([name, template]) => `function ${table}.${name}(x, y) return ${expression(template)} end`,
  ),
]

/**
 * The lines in front of every script: key builders and constants made from the contracts, so that no script spells a key
 * or the place of a field.
 */
export function luaPrelude(): string {
  const window = secondPlaceholder as RankingWindow
  return [
    ...functions('key', {
      enriched_events: redisKeys.enrichedEvents(placeholder),
      top_faults: redisKeys.topFaults(placeholder),
      top_faults_window: redisKeys.topFaultsWindow(placeholder, window),
      window_events: redisKeys.windowEvents(placeholder, window),
      window_clock: redisKeys.windowClock(placeholder),
      device_window_events: redisKeys.deviceWindowEvents(placeholder),
      device_summary: redisKeys.deviceSummary(placeholder),
      fleet_summary: redisKeys.fleetSummary(placeholder),
      devices: redisKeys.devices(placeholder),
      types: redisKeys.types,
    }),
    ...functions('progress_field', {
      next_offset: progressFields.nextOffset(placeholder),
      epoch: progressFields.epoch(placeholder),
      measured_at: progressFields.measuredAt(placeholder),
    }),
    `local all_types = ${quote(allTypes)}`,
    `local units_per_score = ${unitsPerScore}`,
    `local windows = { ${rankingWindows
      .toSorted((a, b) => rankingWindowMs[a] - rankingWindowMs[b])
      .map((name) => `{ name = ${quote(name)}, ms = ${rankingWindowMs[name]} }`)
      .join(', ')} }`,
    `local header = ${recordHeader}`,
    `local written = { ${writtenFields
      .map(
        ({ summary, event }) =>
          `{ summary = ${quote(summary)}${event === null ? '' : `, event = ${quote(event)}`} }`,
      )
      .join(', ')} }`,
    `local at = { ${writtenFields.map(({ summary }, i) => `${summary} = ${i + 1}`).join(', ')} }`,
  ].join('\n')
}
