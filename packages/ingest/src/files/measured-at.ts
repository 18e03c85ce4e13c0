import { isPlausibleClock } from '@faultline/core/frame'

const iso =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?$/i

/**
 * A time as files give it, in epoch milliseconds: ISO 8601 (without a zone: UTC) or epoch milliseconds. Undefined if it is
 * neither, names a day that does not exist, or is no plausible clock (epoch seconds fall into 1970 and are refused so).
 */
export function parseMeasuredAt(text: string): number | undefined {
  const epochMs = /^\d{1,15}$/.test(text) ? Number(text) : parseIso(text)
  return epochMs !== undefined && isPlausibleClock(epochMs) ? epochMs : undefined
}

function parseIso(text: string): number | undefined {
  const match = iso.exec(text)
  if (match === null) return undefined
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '0', zone = 'Z'] =
    match
  const fields = [year, month, day, hour, minute, second].map(Number)
  const epochMs = epochOf(fields)
  if (epochMs === undefined) return undefined
  return epochMs + Math.trunc(Number(`0.${fraction}`) * 1000) - zoneOffsetMs(zone)
}

/** Epoch ms of [year, month 1..12, day, hour, minute, second] in UTC; undefined if a field is outside its range. */
export function epochOf(fields: readonly number[]): number | undefined {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = fields
  const epochMs = Date.UTC(year, month - 1, day, hour, minute, second)
  const date = new Date(epochMs)
  // Date.UTC carries what is too much into the next field; a time that comes back changed does not exist.
  const exists =
    date.getUTCMonth() === month - 1 &&
    date.getUTCDate() === day &&
    date.getUTCHours() === hour &&
    date.getUTCMinutes() === minute &&
    date.getUTCSeconds() === second
  return exists ? epochMs : undefined
}

function zoneOffsetMs(zone: string): number {
  if (zone.toUpperCase() === 'Z') return 0
  const digits = zone.slice(1).replace(':', '').padEnd(4, '0')
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2))
  return (zone.startsWith('-') ? -minutes : minutes) * 60_000
}
