import type { Difference } from '@faultline/audit/report'
import { rankingWindows, redisKeys } from '@faultline/contracts/redis-keys'
import type { RedisClient } from '@faultline/runtime/redis'

type Command = readonly (string | number)[]

/** Something changed by hand, and whether a difference names the place with both values. */
export interface Change {
  readonly key: string
  readonly commands: readonly Command[]
  readonly isNamedBy: (difference: Difference) => boolean
}

/** A whole number in [0, below). */
type Pick = (below: number) => number

interface Held {
  readonly redis: RedisClient
  readonly keys: readonly string[]
  readonly pick: Pick
}

function one<T>(items: readonly T[], pick: Pick): T {
  if (items.length === 0) throw new Error('the database holds nothing to be changed here')
  return items[pick(items.length)] as T
}

/** Another text: a byte more, a byte less, or one that is another. */
function another(text: string, pick: Pick): string {
  if (text === '') return '7'
  const at = pick(text.length)
  const byte = text[at] === '7' ? '8' : '7'
  const [before, after] = [text.slice(0, at), text.slice(at + 1)]
  return one([`${text}7`, before + after, before + byte + after], pick)
}

/** The same number, however it is written. */
function isSame(stated: string | null, value: string | null): boolean {
  if (stated === value) return true
  return stated !== null && value !== null && stated !== '' && Number(stated) === Number(value)
}

function change(
  place: { readonly key: string; readonly field: string },
  values: { readonly before: string | null; readonly after: string | null },
  ...commands: readonly Command[]
): Change {
  const { key, field } = place
  const { before, after } = values
  return {
    key,
    commands,
    isNamedBy: ({ key: named, field: ofIt, expected, actual }) =>
      named === key && ofIt === field && isSame(expected, before) && isSame(actual, after),
  }
}

type Chosen = (key: string) => boolean
const isWindow: Chosen = (key) => rankingWindows.some((window) => key.endsWith(`:${window}`))
const begins =
  (prefix: string): Chosen =>
  (key) =>
    key.startsWith(prefix)
const isTop = begins(redisKeys.topFaults(''))

/** A field is changed, taken away or added. */
async function inHash({ redis, keys, pick }: Held, chosen: Chosen, fields = /./): Promise<Change> {
  const key = one(keys.filter(chosen), pick)
  const held = Object.entries(await redis.run('read', (client) => client.hgetall(key)))
  const [field, before] = one(
    held.filter(([name]) => fields.test(name)),
    pick,
  )
  const after = another(before, pick)
  const changes = [
    change({ key, field }, { before, after }, ['hset', key, field, after]),
    change({ key, field }, { before, after: null }, ['hdel', key, field]),
    change({ key, field: 'x' }, { before: null, after }, ['hset', key, 'x', after]),
  ]
  return one(changes, pick)
}

/** A member gets another score or another name, is taken away or added. */
async function inSortedSet({ redis, keys, pick }: Held, chosen: Chosen): Promise<Change> {
  const key = one(keys.filter(chosen), pick)
  const flat = await redis.run('read', (client) => client.zrange(key, 0, '-1', 'WITHSCORES'))
  const at = 2 * pick(flat.length / 2)
  const [member = '', before = ''] = flat.slice(at, at + 2)
  const after = String(Number(before) + one([-3_600_000, -1, -0.125, 0.5, 60_000], pick))
  const other = `${member}${member.includes(':') ? '' : ':'}7`
  const changes = [
    change({ key, field: member }, { before, after }, ['zadd', key, after, member]),
    change({ key, field: member }, { before, after: null }, ['zrem', key, member]),
    change({ key, field: other }, { before: null, after }, ['zadd', key, after, other]),
    change(
      { key, field: other },
      { before: null, after: before },
      ['zrem', key, member],
      ['zadd', key, before, other],
    ),
  ]
  return one(changes, pick)
}

async function inTypes({ redis, pick }: Held): Promise<Change> {
  const key = redisKeys.types
  const types = await redis.run('read', (client) => client.smembers(key))
  const type = one(types, pick)
  const other = another(type, pick)
  const member = 'a member'
  const changes = [
    change({ key, field: type }, { before: member, after: null }, ['srem', key, type]),
    change({ key, field: other }, { before: null, after: member }, ['sadd', key, other]),
  ]
  return one(changes, pick)
}

type Entry = [id: string, fields: string[]]

/** Among the newest entries one is taken away or changed, or the newest is there twice, once changed. */
async function inLog({ redis, keys, pick }: Held): Promise<Change> {
  const key = one(keys.filter(begins(redisKeys.enrichedEvents(''))), pick)
  const entries: Entry[] = await redis.run('read', (client) => client.xrange(key, '-', '+'))
  const place = entries.length - 1 - pick(60)
  const [id, fields] = one(entries.slice(place), () => 0)
  const at = 1 + 2 * pick(fields.length / 2)
  const [field = '', before = ''] = fields.slice(at - 1, at + 1)
  const after = another(before, pick)
  const changedAt = (flat: readonly string[]) => flat.with(at, after)
  const again = entries.map(([own, flat], i): Command => [
    'xadd',
    key,
    own,
    ...(i === place ? changedAt(flat) : flat),
  ])
  const [, newest] = one(entries.slice(-1), () => 0)
  const eventId = fields[fields.indexOf('event_id') + 1] ?? ''
  const isOfEvent = (text: string | null) => text?.includes(`"event_id":"${eventId}"`) === true
  const changes: Change[] = [
    change({ key, field: `${id} ${field}` }, { before, after }, ['del', key], ...again),
    {
      key,
      commands: [['xdel', key, id]],
      isNamedBy: (d) => d.key === key && isOfEvent(d.expected) && d.actual === null,
    },
    {
      key,
      commands: [['xadd', key, '*', ...changedAt(newest)]],
      isNamedBy: (d) => d.key === key && d.actual?.includes(after) === true,
    },
  ]
  return one(changes, pick)
}

/** Offsets cannot be held against anything but what is there: what was applied stands beyond, or what was not is missing. */
async function inOffsets({ redis, pick }: Held): Promise<Change> {
  const key = redisKeys.progress
  const held = Object.entries(await redis.run('read', (client) => client.hgetall(key)))
  const [field, before] = one(
    held.filter(([name]) => /^\d+$/.test(name)),
    pick,
  )
  const beyond = String(Number(before) + 1 + pick(100))
  const behind = String(pick(Number(before)))
  const named = (after: string | null) => (d: Difference) =>
    d.key === key && d.field === field && d.actual === after && d.expected !== null
  const changes: Change[] = [
    { key, commands: [['hset', key, field, beyond]], isNamedBy: named(beyond) },
    { key, commands: [['hset', key, field, behind]], isNamedBy: (d) => d.key === key },
    { key, commands: [['hset', key, field, 'x']], isNamedBy: named('x') },
    { key, commands: [['hdel', key, field]], isNamedBy: named(null) },
  ]
  return one(changes, pick)
}

/** A key is gone, holds something else, or is one that nothing accounts for. */
function wholeKey({ keys, pick }: Held): Promise<Change> {
  const key = one(keys, pick)
  const stray = one(
    ['faultline:x', 'top_faults:x', 'top_faults:hvac:2h', 'device_summary:x', 'enriched_events:x'],
    pick,
  )
  // A log that was trimmed is only known by its length.
  const isGone = (d: Difference) =>
    d.key === key && d.expected !== null && (d.actual === null || d.actual === '0')
  const isWrong = (d: Difference) => d.key === key && (d.actual ?? '').includes('WRONGTYPE')
  const changes: Change[] = [
    { key, commands: [['del', key]], isNamedBy: isGone },
    { key, commands: [['set', key, 'x']], isNamedBy: isWrong },
    change({ key: stray, field: '' }, { before: null, after: 'a key' }, ['set', stray, 'x']),
  ]
  return Promise.resolve(one(changes, pick))
}

const isMeasuredAt = /^measured_at:/

/** Every structure of the serving database, and a change of a random place in it. */
export const structures: Readonly<Record<string, (held: Held) => Promise<Change>>> = {
  device_summary: (held) => inHash(held, begins(redisKeys.deviceSummary(''))),
  fleet_summary: (held) => inHash(held, begins(redisKeys.fleetSummary(''))),
  'window clocks': (held) => inHash(held, begins(redisKeys.windowClock(''))),
  settings: (held) => inHash(held, (key) => key === redisKeys.settings),
  'times of progress': (held) => inHash(held, (key) => key === redisKeys.progress, isMeasuredAt),
  'offsets of progress': inOffsets,
  'live rankings': (held) => inSortedSet(held, (key) => isTop(key) && !isWindow(key)),
  'window rankings': (held) => inSortedSet(held, (key) => isTop(key) && isWindow(key)),
  'window events': (held) => inSortedSet(held, begins('faultline:window_events:')),
  'events of devices': (held) => inSortedSet(held, begins(redisKeys.deviceWindowEvents(''))),
  'lists of devices': (held) => inSortedSet(held, begins(redisKeys.devices(''))),
  types: inTypes,
  logs: inLog,
  'whole keys': wholeKey,
}
