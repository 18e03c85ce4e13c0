import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { writtenFields } from '@faultline/contracts/device-summary'
import type { RedisClient } from '@faultline/runtime/redis'
import { recordHeader } from '../../apps/redis-consumer/src/commands/lua-prelude.ts'
import { encodeRecord } from '../../apps/redis-consumer/src/encode-record.ts'
import { deviceCount, measurementAt } from './topic.ts'

/** A database that nothing else uses. */
const database = 2
const pipelined = 100
const connections = 4
const times = 100_000
/** redis-benchmark puts a number of twelve digits in its place, another one for each command. */
const some = '__rand_int__'

const texts = (() => {
  const measurement = measurementAt(0)
  const record = { offset: 0, device_id: measurement.device_id, measurement }
  return encodeRecord(record).slice(recordHeader).map(String)
})()
const summary = writtenFields.flatMap(({ summary: field }, i) => [field, texts[i] ?? ''])
const event = writtenFields.flatMap(({ event: field }, i) =>
  field === null ? [] : [field, texts[i] ?? ''],
)
const counted = ['first_seen', 'events_total', 'faults_total']
const folded = [...counted, 'decayed_faults'].flatMap((field) => [field, '1767225600000'])

/** A command of each kind that the scripts use, of the size that most of its calls have, on sets that are smaller. */
const samples: Readonly<Record<string, readonly string[]>> = {
  hset: ['HSET', `device:${some}`, ...folded, ...summary],
  hmget: ['HMGET', `device:${some}`, 'type', 'alert_level', 'last_measured_at', ...counted],
  hget: ['HGET', 'clock', 'stream_time'],
  hincrby: ['HINCRBY', 'fleet', 'events', '1'],
  xadd: ['XADD', 'events', 'MAXLEN', '~', '10000', '*', ...event],
  zadd: ['ZADD', 'window', some, `${some}:600:AC-0001`],
  zincrby: ['ZINCRBY', 'ranking', '0.6', `AC-${some}`],
  zscore: ['ZSCORE', 'ranking', `AC-${some}`],
  zcount: ['ZCOUNT', 'window', '-inf', '1'],
  zcard: ['ZCARD', 'window'],
  zrange: ['ZRANGE', 'ranking', '0', '0'],
  zrem: ['ZREM', 'ranking', `AC-${some}`],
  zpopmin: ['ZPOPMIN', 'window', '1'],
  zremrangebyrank: ['ZREMRANGEBYRANK', 'window', '0', '0'],
  zrangebyscore: ['ZRANGEBYSCORE', 'window', '1', '1'],
  sadd: ['SADD', 'types', 'hvac'],
  srem: ['SREM', 'types', 'none'],
  smembers: ['SMEMBERS', 'types'],
  del: ['DEL', 'nothing'],
}
/** Calls that run the scripts, and what the bench itself asks. */
const others = new Set(['evalsha', 'eval', 'hgetall', 'info', 'config', 'client', 'flushall'])
const ofConnections = new Set(['select', 'hello', 'auth', 'ping', 'command'])

/** Calls by command since `resetCounts`, those of scripts included; without the calls of the scripts themselves. */
export async function countCommands(redis: RedisClient): Promise<ReadonlyMap<string, number>> {
  const info = await redis.run('info', (client) => client.info('commandstats'))
  const found = [...info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)]
  const calls = found.map(([, name = '', count]) => [name.toLowerCase(), Number(count)] as const)
  return new Map(calls.filter(([name]) => !others.has(name) && !ofConnections.has(name)))
}

export async function resetCounts(redis: RedisClient): Promise<void> {
  await redis.run('statistics', (client) => client.config('RESETSTAT'))
}

/** Calls a second that redis-benchmark makes of each command, pipelined. */
export async function rawRates(
  redis: RedisClient,
  redisUrl: string,
  names: Iterable<string>,
): Promise<ReadonlyMap<string, number>> {
  const rates = new Map<string, number>()
  // In the order of the samples: what is read was written before.
  const wanted = new Set(names)
  const unknown = [...wanted].filter((name) => samples[name] === undefined)
  if (unknown.length > 0) throw new Error(`give a sample of ${unknown.join(', ')}`)
  for (const [name, sample] of Object.entries(samples)) {
    if (wanted.has(name)) rates.set(name, await rawRate(redisUrl, sample))
  }
  await redis.runTogether('emptying', (commands) => commands.select(database).flushdb().select(0))
  return rates
}

async function rawRate(redisUrl: string, command: readonly string[]): Promise<number> {
  const { hostname, port, username, password } = new URL(redisUrl)
  const user = username === '' ? [] : ['--user', username]
  const access = password === '' ? [] : [...user, '-a', password]
  const load = ['-n', times, '-P', pipelined, '-c', connections, '-r', deviceCount].map(String)
  const args = ['-h', hostname, '-p', port, ...access, '--dbnum', String(database), ...load, '-q']
  const { stdout } = await promisify(execFile)('redis-benchmark', [...args, ...command])
  const rate = [...stdout.matchAll(/([\d.]+) requests per second/g)].at(-1)?.[1]
  if (rate === undefined) throw new Error(`redis-benchmark of ${command[0] ?? ''}:\n${stdout}`)
  return Number(rate)
}
