/** The API as this page uses it. */

/** @throws Error with the problem's own words where the API refuses or fails */
export async function getJson(path, signal) {
  const response = await fetch(path, { signal, headers: { accept: 'application/json' } })
  const body = await response.json()
  if (!response.ok) {
    const error = new Error(body.title ?? `HTTP ${response.status}`)
    error.code = body.code
    throw error
  }
  return body
}

const at = (id) => `/api/devices/${encodeURIComponent(id)}`

export const readDevice = (id, signal) => getJson(at(id), signal)
export const readChannels = (id, signal) => getJson(`${at(id)}/channels`, signal)
export const readHistory = (id, signal) =>
  getJson(`${at(id)}/events?abnormal=true&limit=100`, signal)
export const readMetric = (id, query, signal) =>
  getJson(`${at(id)}/metrics?${new URLSearchParams(query)}`, signal)
export const readRanking = ({ type, window }, signal) =>
  getJson(`/api/faults/top?${new URLSearchParams({ type, window, limit: 50 })}`, signal)
