import { allTypes } from '@faultline/contracts/redis-keys'
import type { DeviceSummary } from '@faultline/contracts/device-summary'
import { asOfBody } from '../http/as-of.ts'
import { decodeCursor, encodeCursor } from '../http/cursor.ts'
import { deviceId, nameText, wholeNumber } from '../http/fields.ts'
import { z } from '../http/openapi-zod.ts'
import { notFound } from '../http/problem.ts'
import type { JsonRoute } from '../http/route.ts'
import { servingRoute } from '../http/serving-route.ts'
import { oldestOf, type Progress, type Reading } from '../ports/progress.ts'
import type { ServingReader } from '../ports/serving-reader.ts'
import type { ProgressWait } from '../progress-wait.ts'
import { asOf, device, deviceBody, type Device } from '../schemas/device.ts'

interface DeviceRoutesDeps {
  readonly serving: ServingReader
  readonly progressWait: ProgressWait
}

const tag = 'Devices'
const pageMax = 500
/** Summaries read at once, and at most for one page: what bounds a page whose filter matches almost nothing. */
const scanBatch = 500
const scanMax = 5_000
const lookupMax = 500

export function deviceRoutes(deps: DeviceRoutesDeps): readonly JsonRoute[] {
  return [listRoute(deps), lookupRoute(deps), oneRoute(deps)]
}

function oneRoute({ serving, progressWait }: DeviceRoutesDeps): JsonRoute {
  // A reader gives the same summary for as long as nothing changes; then the body is the same, and so are its text and its tag.
  const bodies = new WeakMap<DeviceSummary, Device>()
  const bodyOf = (summary: DeviceSummary): Device => {
    const body = bodies.get(summary) ?? deviceBody(summary)
    bodies.set(summary, body)
    return body
  }
  return servingRoute(progressWait, {
    method: 'get',
    path: '/api/devices/{id}',
    tag,
    summary: 'One device now: its level, its score and why',
    description: 'Carries a strong ETag; how fresh it is stands in the header `Faultline-As-Of`.',
    params: z.object({ id: deviceId }),
    response: device,
    errors: ['NOT_FOUND', 'SERVING_STORE_UNAVAILABLE'],
    handle: async ({ params }) => {
      const { value, progress } = await serving.devices([params.id])
      const summary = value[0] ?? null
      if (summary === null) throw notFound(`No device has the id ${JSON.stringify(params.id)}.`)
      return { body: bodyOf(summary), asOf: progress, revalidate: true }
    },
  })
}

function lookupRoute({ serving, progressWait }: DeviceRoutesDeps): JsonRoute {
  return servingRoute(progressWait, {
    method: 'post',
    path: '/api/devices/lookup',
    tag,
    summary: 'Up to 500 devices by id, in one round trip',
    body: z.strictObject({ ids: z.array(deviceId).min(1).max(lookupMax) }),
    response: z.object({
      devices: z.array(device),
      count: z.number(),
      not_found: z.array(z.string()),
      as_of: asOf,
    }),
    errors: ['BODY_TOO_LARGE', 'MEDIA_TYPE_UNSUPPORTED', 'SERVING_STORE_UNAVAILABLE'],
    handle: async ({ body }) => {
      const ids = [...new Set(body.ids)]
      const { value: summaries, progress } = await serving.devices(ids)
      const devices = summaries.filter((summary) => summary !== null).map(deviceBody)
      const not_found = ids.filter((_, index) => summaries[index] === null)
      return {
        body: { devices, count: devices.length, not_found, as_of: asOfBody(progress) },
        asOf: progress,
      }
    },
  })
}

const listQuery = {
  type: nameText.optional(),
  line: nameText.optional(),
  alert_level: z.enum(['normal', 'warning', 'critical']).optional(),
  limit: wholeNumber({ min: 1, max: pageMax, default: 50 }),
  cursor: z
    .string()
    .min(1)
    .max(2_000)
    .optional()
    .openapi({ description: 'next_cursor of the page before' }),
}
type ListQuery = z.infer<z.ZodObject<typeof listQuery>>

function listRoute({ serving, progressWait }: DeviceRoutesDeps): JsonRoute {
  return servingRoute(progressWait, {
    method: 'get',
    path: '/api/devices',
    tag,
    summary: 'Devices by id, page by page',
    description:
      'Pages stay right while devices come and go. A page may be shorter than `limit`, even empty, and still have a ' +
      '`next_cursor`: one request reads at most 5,000 devices in search of matches.',
    query: listQuery,
    response: z.object({
      devices: z.array(device),
      count: z.number(),
      next_cursor: z.string().nullable(),
      as_of: asOf,
    }),
    errors: ['SERVING_STORE_UNAVAILABLE'],
    handle: async ({ query }) => {
      const list = listName(query)
      const [after] =
        query.cursor === undefined
          ? []
          : decodeCursor(query.cursor, { list, size: 1, field: 'cursor' })
      const { value: page, progress } = await readPage(serving, query, after ?? null)
      const next = page.last === null ? null : encodeCursor(list, [page.last])
      const devices = page.found.map(deviceBody)
      return {
        body: {
          devices,
          count: devices.length,
          next_cursor: next,
          as_of: asOfBody(progress),
        },
        asOf: progress,
        ...(next === null ? {} : { headers: { Link: nextLink(query, next) } }),
      }
    },
  })
}

/** A cursor belongs to one set of filters; with others it would skip devices. */
function listName({ type, line, alert_level }: ListQuery): string {
  return JSON.stringify(['devices', type ?? null, line ?? null, alert_level ?? null])
}

function nextLink(query: ListQuery, cursor: string): string {
  const next = new URLSearchParams()
  for (const name of ['type', 'line', 'alert_level'] as const) {
    const value = query[name]
    if (value !== undefined) next.set(name, value)
  }
  next.set('limit', String(query.limit))
  next.set('cursor', cursor)
  return `</api/devices?${next.toString()}>; rel="next"`
}

interface Page {
  readonly found: readonly DeviceSummary[]
  /** The last id looked at, or null where the list has ended. */
  readonly last: string | null
}

async function readPage(
  serving: ServingReader,
  query: ListQuery,
  from: string | null,
): Promise<Reading<Page>> {
  const found: DeviceSummary[] = []
  const readings: Progress[] = []
  const pageOf = (last: string | null): Reading<Page> => {
    const [first = [], ...others] = readings
    return { value: { found, last }, progress: oldestOf(first, ...others) }
  }
  const filtered = query.line !== undefined || query.alert_level !== undefined
  const batch = filtered ? scanBatch : query.limit
  let after = from
  for (let scanned = 0; scanned < scanMax; scanned += batch) {
    const listed = await serving.deviceIds(query.type ?? allTypes, after, batch)
    const ids = listed.value
    const summaries = await serving.devices(ids)
    readings.push(listed.progress, summaries.progress)
    for (const [index, summary] of summaries.value.entries()) {
      after = ids[index] ?? after
      // Null: removed between the two reads.
      if (summary === null || !matches(summary, query)) continue
      found.push(summary)
      if (found.length === query.limit) {
        const ended = ids.length < batch && index === ids.length - 1
        return pageOf(ended ? null : after)
      }
    }
    if (ids.length < batch) return pageOf(null)
  }
  return pageOf(after)
}

function matches(summary: DeviceSummary, { line, alert_level }: ListQuery): boolean {
  return (
    (line === undefined || summary.line === line) &&
    (alert_level === undefined || summary.alert_level === alert_level)
  )
}
