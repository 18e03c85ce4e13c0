import type { RedisClient } from '@faultline/runtime/redis'

/** A whole (small) database: by key, its fields or members with their values. */
export type DatabaseDump = Readonly<Record<string, Readonly<Record<string, unknown>>>>

/** Ten digits of the numbers that the two ways of reckoning may round differently. */
const rounded = (text: string): number => Number(Number(text).toPrecision(10))

/**
 * Reads everything. Live scores and decayed sums are rounded; entries of logs come without their ids, those of each partition in
 * their order.
 */
export async function databaseDump(client: RedisClient): Promise<DatabaseDump> {
  return await client.run('dump', async (redis) => {
    const dump: Record<string, Record<string, unknown>> = {}
    for (const key of (await redis.keys('*')).sort()) {
      const type = await redis.type(key)
      if (type === 'hash') dump[key] = hashOf(await redis.hgetall(key))
      else if (type === 'zset') dump[key] = scoresOf(await redis.zrange(key, 0, '-1', 'WITHSCORES'))
      else if (type === 'stream') dump[key] = logOf(await redis.xrange(key, '-', '+'))
      else dump[key] = { members: (await redis.smembers(key)).sort() }
    }
    return dump
  })
}

function hashOf(hash: Readonly<Record<string, string>>): Record<string, unknown> {
  const { decayed_faults, ...rest } = hash
  if (decayed_faults === undefined) return rest
  // A sum that is nearly taken back is rounding (docs/ranking.md).
  return { ...rest, decayed_faults: Math.round(Number(decayed_faults) * 1e6) }
}

function scoresOf(flat: readonly string[]): Record<string, unknown> {
  const scores: Record<string, unknown> = {}
  for (let i = 0; i < flat.length; i += 2) scores[flat[i] ?? ''] = rounded(flat[i + 1] ?? '')
  return scores
}

function logOf(
  entries: readonly (readonly [string, readonly string[]])[],
): Record<string, unknown> {
  const byPartition: Record<string, string[][]> = {}
  for (const [, fields] of entries) {
    const device = fields[fields.indexOf('device_id') + 1] ?? ''
    ;(byPartition[device] ??= []).push([...fields])
  }
  return byPartition
}
