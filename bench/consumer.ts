/**
 * Enriched topic to all Redis structures: the running consumer working off a backlog, and a rebuild, beside what Redis makes of the commands
 * alone. How many of which commands a record costs is counted while the consumer works (INFO commandstats); redis-benchmark then sends each
 * kind to the same Redis, pipelined, and the limit is the rate at which it would send the commands of a record. A rebuild folds in memory
 * and writes the result, so it may be above that limit. Starts back ends of its own and needs redis-benchmark.
 * Prints one line for each round and ends with one line of JSON. With --profile the consumer and the rebuild write a .cpuprofile for `npm run flame`.
 *
 *   npm run bench:consumer -- [--runs 5] [--records 1000000] [--backlog 200000] [--profile FOLDER]
 */
import { execFileSync } from 'node:child_process'
import { availableParallelism, loadavg } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { environment as names } from '@faultline/contracts/environment'
import { topics } from '@faultline/contracts/topics'
import { createLogger } from '@faultline/runtime/logging'
import { connectRedis, type RedisClient } from '@faultline/runtime/redis'
import { withBackEnds, type Environment } from './back-ends.ts'
import { workOff } from './consumer/backlog.ts'
import { countCommands, rawRates, resetCounts } from './consumer/raw-commands.ts'
import { rebuild } from './consumer/rebuild.ts'
import { writeTopic } from './consumer/topic.ts'
import { processorSeconds } from './end-to-end/processor-time.ts'
import { print } from './running-product.ts'
import { median, ratios, spread } from './statistics.ts'

const { values: options } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    records: { type: 'string', default: '1000000' },
    backlog: { type: 'string', default: '200000' },
    profile: { type: 'string' },
  },
})
const runs = Number(options.runs)
const records = Number(options.records)
const backlogRecords = Number(options.backlog)
const backlogTopic = 'bench_backlog'
const { profile } = options
const nodeOptions =
  profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${resolve(profile)}`]

interface Round {
  readonly backlog: {
    readonly perSecond: number
    readonly consumerUs: number
    readonly redisUs: number
  }
  readonly rebuild: {
    readonly perSecond: number
    readonly seconds: Readonly<Record<string, number>>
    readonly processUs: number
    readonly redisUs: number
  }
  /** Records a second, if a record were its commands. */
  readonly limit: number
  readonly commands: ReadonlyMap<string, number>
  readonly raw: ReadonlyMap<string, number>
}

interface Server {
  readonly redis: RedisClient
  readonly url: string
  readonly pid: number
}

async function backlogRound(env: Environment, server: Server) {
  const { redis, pid: redisPid } = server
  await redis.run('emptying', (client) => client.flushall())
  await resetCounts(redis)
  const load = { redis, redisPid, topic: backlogTopic, records: backlogRecords, nodeOptions }
  const backlog = await workOff(env, load)
  const counted = await countCommands(redis)
  const commands = new Map([...counted].map(([name, calls]) => [name, calls / backlogRecords]))
  return { backlog, commands }
}

async function rebuildRound(env: Environment, { redis, pid }: Server) {
  await redis.run('emptying', (client) => client.flushall())
  const pids = new Map([['redis', pid]])
  const before = await processorSeconds(pids)
  const { outcome, records: rebuilt, seconds, cpuSeconds } = await rebuild(env, nodeOptions)
  if (outcome !== 'swapped' || rebuilt !== records) throw new Error(`the rebuild ${outcome}`)
  const redisSeconds =
    ((await processorSeconds(pids)).get('redis') ?? NaN) - (before.get('redis') ?? NaN)
  const sum = (of: Readonly<Record<string, number>>) => Object.values(of).reduce((a, b) => a + b, 0)
  return {
    perSecond: records / sum(seconds),
    seconds,
    processUs: (sum(cpuSeconds) * 1e6) / records,
    redisUs: (redisSeconds * 1e6) / records,
  }
}

async function measureRound(env: Environment, server: Server): Promise<Round> {
  const { backlog, commands } = await backlogRound(env, server)
  const raw = await rawRates(server.redis, server.url, commands.keys())
  const secondsEach = [...commands].map(([name, calls]) => calls / (raw.get(name) ?? NaN))
  const limit = 1 / secondsEach.reduce((sum, seconds) => sum + seconds, 0)
  return { backlog, rebuild: await rebuildRound(env, server), limit, commands, raw }
}

function report(rounds: readonly Round[]) {
  const limits = rounds.map(({ limit }) => limit)
  const of = (key: 'backlog' | 'rebuild') => {
    const rates = rounds.map((round) => round[key].perSecond)
    const pairs = ratios(rates, limits)
    return {
      per_second: median(rates),
      spread: spread(rates),
      share: median(pairs),
      pairs: spread(pairs),
    }
  }
  const stages = ['reading', 'writing', 'verifying', 'swapping']
  const stage = (name: string) =>
    median(rounds.map(({ rebuild: { seconds } }) => seconds[name] ?? 0))
  const each = (pick: (round: Round) => ReadonlyMap<string, number>) => {
    const known = [...new Set(rounds.flatMap((round) => [...pick(round).keys()]))]
    return Object.fromEntries(
      known.map((name) => [name, median(rounds.map((round) => pick(round).get(name) ?? 0))]),
    )
  }
  const { per_second: ours, share: ratio, pairs } = of('rebuild')
  return {
    bench: 'consumer',
    unit: 'records a second',
    ours,
    peer: median(limits),
    peer_is: 'redis-benchmark, pipelined, with the commands of a record',
    ratio,
    runs,
    spread: pairs,
    rebuild: {
      ...of('rebuild'),
      records,
      seconds: Object.fromEntries(stages.map((name) => [name, stage(name)])),
      process_us: median(rounds.map((round) => round.rebuild.processUs)),
      redis_us: median(rounds.map((round) => round.rebuild.redisUs)),
    },
    backlog: {
      ...of('backlog'),
      records: backlogRecords,
      consumer_us: median(rounds.map((round) => round.backlog.consumerUs)),
      redis_us: median(rounds.map((round) => round.backlog.redisUs)),
    },
    commands_a_record: each(({ commands }) => commands),
    raw_per_second: each(({ raw }) => raw),
  }
}

async function measure(env: Environment): Promise<void> {
  const url = env[names.redisUrl] ?? ''
  const logger = createLogger('bench', 'silent')
  const connected = await connectRedis({ url, clientName: 'bench', logger })
  const redis = connected.value
  const info = await redis.run('info', (client) => client.info('server'))
  const server = { redis, url, pid: Number(/process_id:(\d+)/.exec(info)?.[1]) }
  await writeTopic(env, { topic: topics.enrichedMeasurements, records })
  await writeTopic(env, { topic: backlogTopic, records: backlogRecords })
  const load = loadavg()[0]
  const rounds: Round[] = []
  for (let run = 1; run <= runs; run += 1) {
    const round = await measureRound(env, server)
    rounds.push(round)
    const { backlog, rebuild: rebuilt, limit } = round
    print(
      `round ${run}: backlog ${Math.round(backlog.perSecond)} records/s, ${backlog.consumerUs.toFixed(1)} + ${backlog.redisUs.toFixed(1)} µs; ` +
        `rebuild ${Math.round(rebuilt.perSecond)} records/s, ${rebuilt.processUs.toFixed(1)} + ${rebuilt.redisUs.toFixed(1)} µs, ${JSON.stringify(rebuilt.seconds)} s; ` +
        `commands alone ${Math.round(limit)} records/s`,
    )
  }
  await connected.stop()
  const machine = { processors: availableParallelism(), load }
  print(JSON.stringify({ ...report(rounds), machine }))
}

function requireRedisBenchmark(): void {
  try {
    execFileSync('redis-benchmark', ['--version'], { stdio: 'ignore' })
  } catch {
    process.stderr.write(
      'Install redis-benchmark first: on Debian and Ubuntu, apt-get install redis-tools.\n',
    )
    process.exit(2)
  }
}

requireRedisBenchmark()
await withBackEnds(measure)
