import { ruleSchema } from '@faultline/contracts/model'
import type { CatalogDevice, DeviceModel, Rule } from '@faultline/core/model'

type Row = Readonly<Record<string, unknown>>

/**
 * What Debezium sends for a large value that an update left alone. The migrations set REPLICA IDENTITY FULL, so that it has
 * the value to send instead; a row with this in it must not replace one that is known.
 */
const unavailable = '__debezium_unavailable_value'

/** The columns of a row whose value was not sent. */
export function unavailableColumns(row: Row): readonly string[] {
  return Object.entries(row)
    .filter(([, value]) => (Array.isArray(value) ? value[0] : value) === unavailable)
    .map(([column]) => column)
}

/** A row of device_catalog as Debezium delivers it; null when it has not even its key columns. */
export function toDevice(row: Row): CatalogDevice | null {
  const { device_id: deviceId, type, model } = row
  if (typeof deviceId !== 'string' || typeof type !== 'string' || typeof model !== 'string')
    return null
  return {
    device_id: deviceId,
    type,
    model,
    name: textOrNull(row['name']),
    line: textOrNull(row['line']),
    location: textOrNull(row['location']),
  }
}

interface ParsedModel {
  readonly model: DeviceModel | null
  readonly problems: readonly string[]
}

/**
 * A row of device_models as Debezium delivers it (`rules` is JSON text). Rules that are not valid are left out, each with a
 * sentence: one bad rule must not take a whole fleet's scoring down.
 */
export function toModel(row: Row): ParsedModel {
  const { model, type, channels, units } = row
  if (
    typeof model !== 'string' ||
    typeof type !== 'string' ||
    !isTextList(channels) ||
    !isTextList(units)
  ) {
    return { model: null, problems: [`the row of model ${String(model)} is not usable`] }
  }
  const { rules, problems } = parseRules(row['rules'])
  return {
    model: { model, type, channels, units, rules },
    problems: problems.map((problem) => `model ${model}: ${problem}`),
  }
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((element) => typeof element === 'string')
}

interface ParsedRules {
  readonly rules: readonly Rule[]
  readonly problems: readonly string[]
}

function parseRules(text: unknown): ParsedRules {
  let list: unknown
  try {
    list = JSON.parse(String(text))
  } catch {
    list = null
  }
  if (!Array.isArray(list)) return { rules: [], problems: ['rules is not a JSON list'] }
  const rules: Rule[] = []
  const problems: string[] = []
  list.forEach((candidate: unknown, index) => {
    const result = ruleSchema.safeParse(candidate)
    if (result.success) rules.push(result.data)
    else
      problems.push(
        `rule ${index} left out: ${result.error.issues.map(({ message }) => message).join('; ')}`,
      )
  })
  return { rules, problems }
}
