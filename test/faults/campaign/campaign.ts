import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, loadavg, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { connectKafka, type KafkaConnection } from '@faultline/runtime/kafka'
import { createLogger } from '@faultline/runtime/logging'
import { connectPostgres } from '@faultline/runtime/postgres'
import { connectRedis, type RedisClient } from '@faultline/runtime/redis'
import { createDecoder, httpSchemaRegistry } from '@faultline/runtime/registry'
import { registerUnits } from '../../support/product/fleet.ts'
import { clockOption } from '../tools/clock/clock-options.ts'
import { ApiReader } from './api-reader.ts'
import { Chance } from '../../support/chance.ts'
import { ExtraInstance, type GroupApp } from './extra-instance.ts'
import { Failpoints } from './failpoints.ts'
import { FaultRunner } from './fault-runner.ts'
import { follow, Judge, type Follower } from './judge.ts'
import { faultKinds, kindsNamed, sliceKinds, type FaultContext } from './kinds/index.ts'
import { Ledger } from './ledger.ts'
import { Load } from './load.ts'
import { readLogs } from './logs.ts'
import { Monitor } from './monitor.ts'
import { Network } from './network.ts'
import type { CampaignOptions } from './options.ts'
import { pause, waitFor } from './pause.ts'
import { Prober, probeDevices } from './prober.ts'
import { ProductUnderTest } from './product-under-test.ts'
import { percentile, type Report } from './report.ts'
import { Markers, RowWriter } from './row-writer.ts'
import { Violations } from './violations.ts'

const quietEveryMs = 600_000
const progressEveryMs = 10_000
const settleLimitMs = 120_000
/** Killing needs something to kill: the chain warms up first. */
const warmUpMs = 3_000

type Print = (line: string) => void

interface Surroundings {
  readonly product: ProductUnderTest
  readonly network: Network
  readonly print: Print
  readonly interrupt: AbortSignal
}

interface Parts {
  readonly load: Load
  readonly prober: Prober
  readonly api: ApiReader
  readonly monitor: Monitor
  readonly follower: Follower
  readonly runner: FaultRunner
  readonly judge: Judge
  readonly writers: readonly RowWriter[]
}

/** Starts the product in a folder of its own, runs a campaign on it, and removes both, whatever happens. */
export async function runCampaign(
  options: CampaignOptions,
  print: Print,
  interrupt: AbortSignal,
): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), 'faultline-campaign-'))
  const product = new ProductUnderTest(folder, options.portBase)
  print(`seed ${options.seed}, starting the product in ${folder}`)
  const network = await Network.start(options.portBase, product.ports).catch((error: unknown) => {
    rmSync(folder, { recursive: true })
    throw error
  })
  product.nodeOptions = [network.nodeOption, clockOption(product.clockFolder)].join(' ')
  try {
    await product.up()
    const campaign = new Campaign(options, { product, network, print, interrupt })
    const report = await campaign.run()
    await product.remove()
    campaign.judgeRemains()
    return { ...report, ...campaign.verdict() }
  } finally {
    await product.remove()
    network.close()
  }
}

class Campaign {
  readonly #options: CampaignOptions
  readonly #product: ProductUnderTest
  readonly #network: Network
  readonly #print: Print
  readonly #interrupt: AbortSignal
  readonly #end = new AbortController()
  readonly #startedAt = new Date()
  readonly #started = performance.now()
  readonly #ledger = new Ledger()
  readonly #violations: Violations
  readonly #extras = new Set<ExtraInstance>()
  #runner: FaultRunner | undefined
  #monitor: Monitor | undefined

  constructor(options: CampaignOptions, { product, network, print, interrupt }: Surroundings) {
    this.#options = options
    this.#product = product
    this.#network = network
    this.#print = print
    this.#interrupt = interrupt
    this.#violations = new Violations(() => this.#runner?.description ?? 'before any fault', print)
  }

  async run(): Promise<Omit<Report, 'violations' | 'violationsTotal'>> {
    const { addresses } = this.#product
    const logger = createLogger('campaign', 'silent')
    const kafka = await connectKafka({
      brokers: addresses.kafkaBootstrap.split(','),
      clientId: 'campaign',
      logger,
    })
    const redis = await connectRedis({ url: addresses.redisUrl, clientName: 'campaign', logger })
    try {
      return await this.#runOn(kafka.value, redis.value)
    } finally {
      this.#end.abort()
      for (const extra of this.#extras) await extra.stop('SIGKILL')
      await redis.stop()
      await kafka.stop().catch(() => undefined)
    }
  }

  /** After `down`: nothing of the stack may be left. */
  judgeRemains(): void {
    this.#violations.checked('I14')
    const survivors = this.#monitor?.survivors() ?? []
    if (survivors.length > 0)
      this.#violations.add('I14', `left after down: ${survivors.join(', ')}`)
  }

  verdict(): Pick<Report, 'violations' | 'violationsTotal'> {
    return { violations: this.#violations.list, violationsTotal: this.#violations.total }
  }

  async #runOn(
    kafka: KafkaConnection,
    redis: RedisClient,
  ): Promise<Omit<Report, 'violations' | 'violationsTotal'>> {
    const { addresses } = this.#product
    const parts = this.#parts(kafka, redis)
    const { load, prober, api, monitor, follower, runner, judge, writers } = parts
    this.#runner = runner
    this.#monitor = monitor
    await load.prepare()
    const postgres = await connectPostgres({
      databaseUrl: addresses.databaseUrl,
      applicationName: 'campaign-setup',
    })
    await registerUnits(postgres, probeDevices)
    await postgres.close()
    await follower.tail.start()
    await judge.start()
    const background = Promise.all([load.run(), prober.run(), api.run(), monitor.run()])
    background.catch(() => undefined)
    const status = setInterval(() => {
      this.#print(this.#progressLine(runner))
    }, progressEveryMs)
    try {
      const faults = this.#faults(runner, { load, prober, judge })
      await Promise.race([faults, background])
      await faults
      await this.#rest({ load, prober })
      await this.#judged((limitMs) => judge.judge(limitMs))
      this.#print('reading the topic once more')
      await this.#judged((limitMs) => judge.judgeFromScratch(limitMs))
      await this.#verify()
    } finally {
      clearInterval(status)
      this.#end.abort()
      await background.catch(() => undefined)
      await follower.tail.stop()
      await judge.stop()
    }
    const seconds = (performance.now() - this.#started) / 1_000
    await background
    for (const writer of writers) await writer.close()
    await monitor.look()
    return { ...(await this.#figures(parts, seconds)) }
  }

  #parts(kafka: KafkaConnection, redis: RedisClient): Parts {
    const { addresses } = this.#product
    const { signal } = this.#end
    const { patience } = this.#options
    const violations = this.#violations
    const ledger = this.#ledger
    const chance = new Chance(this.#options.seed)
    const decode = createDecoder(httpSchemaRegistry(addresses.schemaRegistryUrl))
    const markers = new Markers()
    const writers = ['load', 'probe'].map(
      (name) =>
        new RowWriter({ databaseUrl: addresses.databaseUrl, name, ledger, markers, signal }),
    )
    const [loadWriter, probeWriter] = writers as [RowWriter, RowWriter]
    const load = new Load({
      writer: loadWriter,
      ledger,
      chance: new Chance(this.#options.seed + 1),
      rowsPerSecond: this.#options.rowsPerSecond,
      signal,
    })
    const api = new ApiReader({
      apiUrl: addresses.apiUrl,
      violations,
      mayFail: () => this.#runner?.apiMayFail() ?? false,
      mayGoBack: () => this.#runner?.redisMayGoBack() ?? false,
      patience,
      signal,
    })
    const prober = new Prober({ writer: probeWriter, ...{ api, signal, patience } })
    const monitor = new Monitor({ product: this.#product, redis, violations, signal })
    const follower = follow(kafka, decode, { ledger, violations })
    const judge = new Judge({
      connection: addresses,
      ...{ kafka, decode, redis, ledger, violations, follower },
      unregistered: () => load.unregistered,
    })
    const runner = new FaultRunner({
      context: this.#context(load, redis, monitor),
      kinds: this.#kinds(),
      product: this.#product,
      ...{ chance, prober, monitor, redis, violations, patience },
      rows: () => ledger.rows,
      print: this.#print,
    })
    return { load, prober, api, monitor, follower, runner, judge, writers }
  }

  #kinds() {
    const { only, isSlice } = this.#options
    if (only !== null) return kindsNamed(only)
    return isSlice ? kindsNamed(sliceKinds) : faultKinds
  }

  #context(
    load: Load,
    redis: RedisClient,
    monitor: Monitor,
  ): Omit<FaultContext, 'note' | 'chance' | 'hit'> {
    const product = this.#product
    const network = this.#network
    const { patience } = this.#options
    return {
      ...{ product, load, redis, network, patience, signal: this.#interrupt },
      pidOf: (name) =>
        waitFor(`a process of ${name}`, 60_000 * patience, async () => {
          const found = await product.processNamed(name)
          return found?.pid ?? undefined
        }),
      sql: async (text, params = []) => {
        const postgres = await connectPostgres({
          databaseUrl: product.addresses.databaseUrl,
          applicationName: 'campaign-fault',
        })
        try {
          return await postgres.query(text, params)
        } finally {
          await postgres.close()
        }
      },
      armed: new Failpoints(product.failpointFolder),
      extra: (app: GroupApp) => {
        const extra = new ExtraInstance(product, app, patience)
        this.#extras.add(extra)
        return extra
      },
      endExtra: async (extra, how) => {
        await monitor.scrape(`second ${extra.app}`, extra.port)
        await extra.stop(how)
      },
    }
  }

  #isOver(): boolean {
    return this.#interrupt.aborted || this.#elapsedMs() >= this.#options.minutes * 60_000
  }

  #elapsedMs(): number {
    return performance.now() - this.#started
  }

  /** Faults until it is time, with a moment of rest and a full comparison every ten minutes. */
  async #faults(
    runner: FaultRunner,
    parts: { readonly load: Load; readonly prober: Prober; readonly judge: Judge },
  ): Promise<void> {
    await waitFor('the first row in the API', settleLimitMs * this.#options.patience, () =>
      this.#interrupt.aborted || parts.prober.visibleUpTo > 0 ? true : undefined,
    )
    await pause(warmUpMs, this.#interrupt)
    let quietAt = this.#elapsedMs() + quietEveryMs
    if (this.#options.isSlice) {
      for (const kind of this.#kinds()) if (!this.#interrupt.aborted) await runner.run(kind, [])
      return
    }
    while (!this.#isOver() && !runner.isStuck) {
      await runner.next()
      if (this.#elapsedMs() < quietAt || this.#isOver()) continue
      await this.#rest(parts)
      await this.#judged((limitMs) => parts.judge.judge(limitMs))
      parts.load.resume()
      parts.prober.resume()
      quietAt = this.#elapsedMs() + quietEveryMs
    }
  }

  /** A comparison that cannot be made is a finding too, and the campaign goes on. */
  async #judged(look: (limitMs: number) => Promise<void>): Promise<void> {
    const started = performance.now()
    try {
      await look(settleLimitMs * this.#options.patience)
      const seconds = (performance.now() - started) / 1_000
      this.#print(`at rest: everything compared in ${seconds.toFixed(1)} s`)
    } catch (error) {
      this.#violations.add('I1', `the stores could not be compared: ${(error as Error).message}`)
    }
  }

  /** What the product itself says about its stores. */
  async #verify(): Promise<void> {
    this.#violations.checked('I7')
    try {
      await this.#product.command(['verify'])
    } catch (error) {
      this.#violations.add('I7', (error as Error).message)
    }
  }

  async #rest({ load, prober }: { readonly load: Load; readonly prober: Prober }): Promise<void> {
    await load.pause()
    await prober.pause()
  }

  #progressLine(runner: FaultRunner): string {
    const minutes = this.#elapsedMs() / 60_000
    const rate = Math.round(this.#ledger.rows / (this.#elapsedMs() / 1_000))
    return (
      `${minutes.toFixed(1)} of ${this.#options.minutes} min, ${runner.records.length} faults, ` +
      `${this.#ledger.rows} rows (${rate}/s), ${this.#violations.total} violations, ` +
      `load average ${(loadavg()[0] ?? 0).toFixed(1)}: ${runner.description}`
    )
  }

  async #figures(
    { load, api, monitor, follower, runner, judge, prober, writers }: Parts,
    seconds: number,
  ): Promise<Omit<Report, 'violations' | 'violationsTotal'>> {
    const logs = await readLogs(join(this.#product.home, 'logs'))
    this.#violations.checked('I14')
    for (const line of logs.unforeseen) this.#violations.add('I14', line)
    const fenced = monitor.sum('faultline_fenced_total')
    this.#judgeFences(runner, fenced + logs.fenced)
    const round = (value: number): number => Math.round(value)
    return {
      commit: commit(),
      machine: `${cpus().length} cores, ${round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`,
      startedAt: this.#startedAt.toISOString(),
      minutes: Math.round(seconds / 6) / 10,
      seed: this.#options.seed,
      patience: this.#options.patience,
      replay: replayCommand(this.#options),
      interrupted: this.#interrupt.aborted,
      rows: this.#ledger.rows,
      rowsPerSecond: round(this.#ledger.rows / seconds),
      load: load.totals,
      enriched: follower.fold.events,
      deadLetters: judge.deadLetters,
      waiting: judge.waiting,
      removals: follower.fold.removals,
      commitAnswersLost: writers.reduce((sum, { answersLost }) => sum + answersLost, 0),
      faults: runner.records,
      crashPoints: runner.crashPoints,
      verdicts: judge.verdicts,
      checks: this.#violations.checks,
      zombieWritesRefused: {
        byMetrics: fenced,
        byLogs: logs.fenced,
        recordsSkipped: monitor.sum('faultline_replays_skipped_total'),
      },
      freshnessMs: {
        samples: prober.latencies.length,
        p50: round(percentile(prober.latencies, 0.5)),
        p99: round(percentile(prober.latencies, 0.99)),
      },
      api: {
        answers: Object.fromEntries(api.statuses),
        liveEvents: api.liveEvents,
        liveResumes: api.liveResumes,
        liveResets: api.liveResets,
      },
      resources: monitor.maxima,
    }
  }

  /** Invariant I13 is a proof that the fence was tried: some former owner has to have been refused. */
  #judgeFences(runner: FaultRunner, refused: number): void {
    const tries = runner.records.filter(({ kind }) => /^(zombie|rebalance)/.test(kind)).length
    this.#violations.checked('I13', tries)
    if (tries >= 3 && refused === 0) {
      this.#violations.add('I13', `${tries} former owners woke up and none was seen to be refused`)
    }
  }
}

function commit(): string {
  try {
    const args = ['describe', '--always', '--dirty']
    return execFileSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8' }).trim()
  } catch {
    return 'unknown'
  }
}

function replayCommand({ seed, minutes, only, isSlice, patience }: CampaignOptions): string {
  const which = only === null ? '' : ` --only ${only.join(',')}`
  const howLong = isSlice ? '--slice' : `--minutes ${minutes}`
  return `npm run campaign -- ${howLong} --seed ${seed}${which}${patience === 1 ? '' : ` --patience ${patience}`}`
}
