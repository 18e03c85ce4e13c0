/** Numbers, times and reasons as people say them. */

const levelWords = { normal: 'Normal', warning: 'Warning', critical: 'Critical' }
export const levelWord = (level) => levelWords[level] ?? level

const sources = { rule: 'Rule', threshold: 'Threshold', anomaly: 'Anomaly', model: 'Model' }
export const sourceWord = (source) => sources[source] ?? source

/** `ABNORMAL_TEMP_DIFF` as `Abnormal temp diff`. */
export function codeWords(code) {
  if (code === 'ANOMALY') return 'Unusual value'
  if (code === 'FAULT_CODE') return 'Fault code'
  const words = code.replaceAll('_', ' ').toLowerCase()
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/** `temp_supply_air - temp_return_air` as `temp supply air − temp return air`. */
export function channelWords(channel) {
  return channel.replaceAll('_', ' ').replaceAll(' - ', ' − ')
}

const units = { degC: '°C', degF: '°F', ratio: '', code: '' }
export const unitWord = (unit) => units[unit] ?? unit

/** Three significant digits, more where the number is large. */
export function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return '–'
  const size = Math.abs(value)
  if (size !== 0 && (size >= 1e7 || size < 1e-3)) return value.toExponential(1)
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : 2
  return value.toLocaleString('en', { maximumFractionDigits: digits })
}

export const count = (value) => value.toLocaleString('en')
export const percent = (share) => `${Math.round(share * 100)} %`

/** A term of the explanation: `temp supply air 38.5, limit 35`. */
export function reasonWords({ code, channel, value, limit }) {
  if (code === 'ANOMALY') return `Unusual ${channelWords(channel)}, ${number(value)} deviations`
  if (code === 'FAULT_CODE') return `Fault code ${number(value)}`
  const relation = value > limit ? 'over' : 'under'
  return `${codeWords(code)}: ${channelWords(channel)} ${number(value)}, ${relation} ${number(limit)}`
}

/** The strongest reasons of an explanation in one line, or null. */
export function reasonsLine(explanation, most = 2) {
  if (explanation.length === 0) return null
  const weight = (entry) => (entry.code === 'FAULT_CODE' ? 1 : entry.contribution)
  const sorted = explanation.toSorted((one, other) => weight(other) - weight(one))
  const shown = sorted.slice(0, most).map(reasonWords)
  const more = sorted.length - shown.length
  return shown.join(' · ') + (more > 0 ? ` · and ${more} more` : '')
}

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

/** A span as `0.4 s`, `12 s`, `5 min`, `3 h`, `2 d`. */
export function span(ms) {
  if (ms < 10_000) return `${(Math.max(0, ms) / 1_000).toFixed(1)} s`
  if (ms < minuteMs) return `${Math.floor(ms / 1_000)} s`
  if (ms < hourMs) return `${Math.floor(ms / minuteMs)} min`
  if (ms < 2 * dayMs) return `${Math.floor(ms / hourMs)} h`
  return `${Math.floor(ms / dayMs)} d`
}

/** How long ago in words; for times more than a week off, or ahead, the date itself. */
export function ago(iso, nowMs) {
  const then = Date.parse(iso)
  const ms = nowMs - then
  if (ms > 7 * dayMs || ms < -minuteMs) return dateTime(iso)
  if (ms < 5_000) return 'just now'
  return ms < minuteMs ? `${Math.floor(ms / 1_000)} s ago` : `${span(ms)} ago`
}

const clockFormat = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })
const dateFormat = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
})
const yearFormat = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' })

/** A moment in local time: the time alone today, else with its date. */
export function dateTime(iso) {
  const date = new Date(iso)
  const now = new Date()
  if (date.toDateString() === now.toDateString()) return clockFormat.format(date)
  return (date.getFullYear() === now.getFullYear() ? dateFormat : yearFormat).format(date)
}
