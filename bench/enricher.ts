/**
 * Races the enricher against the same work written with Kafka Streams (exactly_once_v2), on the same topics: a backlog of 200,000 measurements
 * from cold, and, with --steady, the second half of 1,000,000. The rival's meter starts each of them in turn, notes what becomes visible, counts
 * processor time, and recomputes every output from the raw topic. It starts back ends of its own, and needs psql, a JDK and Maven.
 * Prints one line for each run and ends with one line of JSON.
 *
 *   npm run bench:enricher -- [--runs 5] [--steady] [--instances 1] [--peer FOLDER] [--profile FOLDER]
 */
import { execFile, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs, promisify } from 'node:util'
import { environment as names } from '@faultline/contracts/environment'
import { consumerGroups, topics, topicSpecs } from '@faultline/contracts/topics'
import { connectKafka, type KafkaConnection } from '@faultline/runtime/kafka'
import { ensureTopics } from '@faultline/runtime/kafka-admin'
import { createLogger } from '@faultline/runtime/logging'
import { appNodeOptions } from '@faultline/stack/apps'
import { median, ratios, spread } from './statistics.ts'
import { project, withBackEnds, type Environment } from './back-ends.ts'
import { print } from './running-product.ts'

const { values: options } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    steady: { type: 'boolean', default: false },
    instances: { type: 'string', default: '1' },
    peer: { type: 'string', default: join('..', 'shared', 'peers', 'kafka-streams') },
    profile: { type: 'string' },
  },
})
const coldRows = 200_000
const steadyRounds = 5
const partitions = 4
/** The rules that the reference work has fixed in its code. */
const rules = [
  { code: 'HIGH_TEMP', channel: 'temp_supply_air', above: 35 },
  { code: 'LOW_TEMP', channel: 'temp_supply_air', below: 10 },
  { code: 'ABNORMAL_PRESSURE', channel: 'pressure_compressor', outside: [500, 2000] },
  { code: 'ABNORMAL_CURRENT', channel: 'current_compressor', outside: [5, 50] },
  {
    ...{ code: 'ABNORMAL_TEMP_DIFF', channel: 'temp_supply_air', minus: 'temp_return_air' },
    outside: [3, 15],
  },
]

/** One line of the rival's meter. */
interface Run {
  readonly records_per_second: number
  readonly records_per_second_second_half: number
  readonly process_cpu_seconds: number
  readonly max_rss_mb: number
  readonly verified: boolean
  readonly checksum: string
  readonly mean_fault_score: number
  readonly mean_max_z: number
}

interface Contestant {
  readonly name: string
  readonly env: Readonly<Record<string, string>>
  /** Null: the rival itself. */
  readonly command: readonly string[] | null
}

const best = {
  STREAM_THREADS: '1',
  CACHE_BYTES: '67108864',
  STREAMS_CONFIG: 'producer.batch.size=262144',
}

/** With --profile FOLDER ours runs alone and writes its profile there. */
const profiling =
  options.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${resolve(options.profile)}`]
const main = join(project, 'apps', 'enricher', 'src', 'main.ts')
const ours: Contestant = {
  name: 'ours',
  env: { LOG_LEVEL: 'warn', STARTING_OFFSETS: 'earliest' },
  command:
    options.instances === '1'
      ? [process.execPath, ...appNodeOptions, ...profiling, main]
      : [process.execPath, join(import.meta.dirname, 'instances.ts'), options.instances, main],
}
const contestants: readonly Contestant[] = [
  ours,
  { name: 'kafka streams', env: {}, command: null },
  { name: 'kafka streams at its best', env: best, command: null },
]

class Race {
  readonly #env: Environment
  readonly #peer: string
  readonly #kafka: KafkaConnection
  #runs = 0

  constructor(env: Environment, peer: string, kafka: KafkaConnection) {
    this.#env = env
    this.#peer = peer
    this.#kafka = kafka
  }

  /** Everything again from nothing: the state, the progress and the output of the runs before are gone. */
  async run({ name, env, command }: Contestant, records: number): Promise<Run> {
    this.#runs += 1
    const output = `bench_enriched_${this.#runs}`
    await this.#forget()
    const child = spawn(join(this.#peer, 'run'), command === null ? [] : ['--', ...command], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        ...process.env,
        ...this.#env,
        ...env,
        [names.enrichTopic]: output,
        [names.opsListen]: '127.0.0.1:0',
        OUTPUT_TOPIC: output,
        APPLICATION_ID: output,
        EXPECT: String(records),
        MEASURED: name,
      },
    })
    let line = ''
    for await (const chunk of child.stdout) line += String(chunk)
    const run = JSON.parse(line) as Run
    const { admin } = this.#kafka
    const made = (await admin.listTopics()).filter((topic) => topic.includes(output))
    await admin.deleteTopics({ topics: made })
    const { records_per_second: rate, records_per_second_second_half: second } = run
    print(
      `${name.padEnd(26)} ${rate.toLocaleString('en')} records/s, second half ${second.toLocaleString('en')}, ` +
        `${run.process_cpu_seconds} s of processor, ${run.max_rss_mb} MB, checksum ${run.checksum}, ` +
        `mean score ${run.mean_fault_score}, mean z ${run.mean_max_z}`,
    )
    if (!run.verified) throw new Error(`${name}: the output is not what the input asks for`)
    return run
  }

  async #forget(): Promise<void> {
    const { admin } = this.#kafka
    const brokers = brokersOf(this.#env)
    const known = await admin.listTopics()
    if (known.includes(topics.enricherState)) {
      await admin.deleteGroups([consumerGroups.enricher]).catch(() => undefined)
      await admin.deleteTopics({ topics: [topics.enricherState] })
    }
    await ensureTopics(
      brokers,
      topicSpecs(partitions).filter(({ name }) => name === topics.enricherState),
    )
  }
}

function brokersOf(env: Environment): string[] {
  return (env[names.kafkaBootstrap] ?? '').split(',')
}

async function psql(env: Environment, ...args: readonly string[]): Promise<void> {
  const url = env[names.databaseUrl] ?? ''
  await promisify(execFile)('psql', ['-X', '-q', '-d', url, '-v', 'ON_ERROR_STOP=1', ...args])
}

async function writeCatalog(env: Environment): Promise<void> {
  const model = `insert into device_models (model, type, channels, units, rules)
    select 'bench-hvac', 'hvac', c, array_fill(''::text, array[cardinality(c)]), '${JSON.stringify(rules)}'
    from (select array['temp_supply_air', 'temp_return_air', 'pressure_compressor', 'current_compressor', 'power_total', 'fault_code',
      'data_quality'] || array(select 'aux_' || n from generate_series(7, 99) n order by n) c) channels`
  const devices = `insert into device_catalog (device_id, type, model, name, line, location)
    select format('AC-%s', lpad(d::text, 4, '0')), 'hvac', 'bench-hvac', format('Air conditioner %s', d), format('Line %s', 1 + d % 12),
      format('Depot %s, car %s', 1 + d % 5, 1 + d % 8) from generate_series(1, 500) d`
  await psql(env, '-c', model, '-c', devices)
}

/** Inserts the rival's 200,000 rows and waits until Debezium has written them. */
async function writeRows(env: Environment, peer: string, kafka: KafkaConnection): Promise<void> {
  const written = async () => {
    const ends = await kafka.admin.fetchTopicOffsets(topics.rawMeasurements)
    return ends.reduce((sum, { high }) => sum + Number(high), 0)
  }
  const before = await written()
  await psql(env, '-v', 'part=rows', '-f', join(peer, 'data.sql'))
  const quietMs = 4_000
  for (let last = before, since = Date.now(); ;) {
    await delay(250)
    const now = await written()
    if (now !== last) {
      last = now
      since = Date.now()
    }
    if (now - before >= coldRows && Date.now() - since > quietMs) return
  }
}

type Figures = Readonly<Record<string, readonly Run[]>>

async function race(track: Race, records: number, rounds: number): Promise<Figures> {
  const figures: Record<string, Run[]> = {}
  for (let round = 0; round < rounds; round += 1) {
    for (const contestant of options.profile === undefined ? contestants : [ours]) {
      ;(figures[contestant.name] ??= []).push(await track.run(contestant, records))
    }
  }
  return figures
}

function summary(figures: Figures, rate: (run: Run) => number) {
  const of = (name: string) => figures[name] ?? []
  const our = of('ours').map(rate)
  const against = (name: string) => {
    const theirs = of(name).map(rate)
    const pairs = ratios(our, theirs)
    const cpu = of(name).map(({ process_cpu_seconds: seconds }) => seconds)
    return {
      rate: median(theirs),
      ratio: median(pairs),
      spread: spread(pairs),
      cpu_s: median(cpu),
    }
  }
  return {
    ours: median(our),
    spread_ours: spread(our),
    cpu_s: median(of('ours').map(({ process_cpu_seconds: seconds }) => seconds)),
    peer: against('kafka streams'),
    peer_at_its_best: against('kafka streams at its best'),
    checksums: [...new Set(Object.values(figures).flatMap((runs) => runs.map((r) => r.checksum)))],
  }
}

async function measure(env: Environment): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'faultline-bench-'))
  const logger = createLogger('bench', 'silent')
  const kafka = await connectKafka({ brokers: brokersOf(env), clientId: 'bench', logger })
  try {
    // A copy, because it builds itself where it lies.
    const peer = join(folder, 'peer')
    cpSync(resolve(project, options.peer), peer, { recursive: true })
    await promisify(execFile)('chmod', ['-R', 'u+w', peer])
    await writeCatalog(env)
    await writeRows(env, peer, kafka.value)
    const track = new Race(env, peer, kafka.value)
    const runs = Number(options.runs)
    const cold = await race(track, coldRows, runs)
    for (let round = 1; options.steady && round < steadyRounds; round += 1) {
      await writeRows(env, peer, kafka.value)
    }
    const steady = options.steady ? await race(track, coldRows * steadyRounds, 1) : {}
    const machine = { processors: availableParallelism(), load: loadavg()[0] }
    print(
      JSON.stringify({
        ...{ bench: 'enricher', runs, records: coldRows, instances: Number(options.instances) },
        cold: summary(cold, ({ records_per_second: rate }) => rate),
        ...(options.steady && {
          steady: summary(steady, ({ records_per_second_second_half: rate }) => rate),
        }),
        machine,
      }),
    )
  } finally {
    await kafka.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

await withBackEnds(measure)
