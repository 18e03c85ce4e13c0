import { randomBytes } from 'node:crypto'
import type { StoreAudit } from '@faultline/audit/report'
import type { Clock } from '@faultline/runtime/clock'
import { FaultlineError, isFaultlineError } from '@faultline/runtime/errors'
import { failpoint } from '@faultline/runtime/failpoints'
import { startTopicFollower, topicBounds, type KafkaConnection } from '@faultline/runtime/kafka'
import type { RedisClient } from '@faultline/runtime/redis'
import {
  beginGeneration,
  markVerified,
  swapGeneration,
  type SwapReply,
} from '../commands/generation-commands.ts'
import type { createRecordReader } from '../decode-record.ts'
import { redisServingStore } from '../redis-serving-store.ts'
import type { RebuildConfig } from './config.ts'
import { servingCommands } from './fold/serving-commands.ts'
import { GenerationCheck } from './generation-check.ts'
import { GenerationFeed, type Range } from './generation-feed.ts'
import { loadCommands } from './generation-loader.ts'
import { announce, readGeneration, readOffsets, refuseRunning } from './generations.ts'
import { estimateMemory, refuseTooLarge } from './memory.ts'
import { refuseOtherHalfLife, otherHalfLife } from './half-life.ts'
import { ServingFold } from './fold/serving-fold.ts'

/** Events that one script call takes out of windows, as in the consumer. */
const budget = 1_000
/** How long the new generation may take to come as far as the live one. */
const swapWithinMs = 60_000
const swapAgainMs = 5

export type RebuildStage = 'reading' | 'writing' | 'verifying' | 'swapping'

export interface RebuildDeps {
  readonly config: RebuildConfig
  readonly live: RedisClient
  readonly staging: RedisClient
  readonly kafka: KafkaConnection
  readonly readRecords: ReturnType<typeof createRecordReader>
  readonly clock: Clock
  readonly id: string
  /** `done` of `of` records, or commands. */
  readonly onProgress: (stage: RebuildStage, done: number, of: number | null) => void
}

type Seconds = Readonly<Partial<Record<RebuildStage, number>>>

/** What `--json` prints. Times in seconds. */
export interface RebuildResult {
  readonly outcome: 'swapped' | 'swapped-before' | 'differs'
  readonly generation: string
  readonly records: number
  readonly refused: number
  readonly devices: number
  readonly seconds: Seconds
  /** Of the processor, of this process alone: what is missing from `seconds` was waited for. */
  readonly cpuSeconds: Seconds
  readonly recordsPerSecond: number | null
  /** Next offset by partition at the swap. */
  readonly offsets: Readonly<Record<string, number>>
  readonly audit: StoreAudit | null
}

/** An id that sorts by time. */
export function newGenerationId(nowMs: number): string {
  const time = new Date(nowMs).toISOString().replace(/[-:]|\..*/g, '')
  return `${time}-${randomBytes(3).toString('hex')}`
}

export interface RebuildOptions {
  /** Go on where memory may not suffice. */
  readonly yes: boolean
  /** Go on with another half-life than that of the live generation. */
  readonly isNewHalfLife: boolean
}

/**
 * Builds Redis anew from the enriched topic beside the live generation, verifies it, and lets it serve. What an interrupted run left
 * is found first: a generation that serves without anybody having been told, one that is verified and only has to be swapped, or a half
 * one, which is thrown away.
 * @throws FaultlineError REBUILD_REFUSED, SERVING_STORE_UNAVAILABLE, BROKER_UNAVAILABLE, REGISTRY_UNAVAILABLE
 */
export async function rebuildRedis(
  deps: RebuildDeps,
  options: RebuildOptions,
): Promise<RebuildResult> {
  const { live, staging, clock } = deps
  const serving = await readGeneration(live)
  const waiting = await readGeneration(staging)
  if (waiting !== null) await refuseRunning(staging, waiting)
  if (serving?.status === 'live' && !serving.announced) {
    await announce(live, clock.now())
    return { ...nothingDone, outcome: 'swapped-before', generation: serving.id }
  }
  if (waiting?.status === 'verified') return await resume(deps, waiting.id, options)
  return await buildAndSwap(deps, options)
}

const nothingDone = {
  records: 0,
  refused: 0,
  devices: 0,
  seconds: {},
  cpuSeconds: {},
  recordsPerSecond: null,
  offsets: {},
  audit: null,
}

/** What an interrupted run verified needs only what came since. */
async function resume(
  deps: RebuildDeps,
  id: string,
  options: RebuildOptions,
): Promise<RebuildResult> {
  const from = await readOffsets(deps.staging)
  const start = deps.clock.now()
  const feed = new GenerationFeed({
    from,
    ends: new Map(),
    fold: () => undefined,
    readRecords: deps.readRecords,
  })
  await withFeed(deps, { feed, from }, () => swapWhenReached(deps, feed, { id, ...options }))
  const seconds = { swapping: (deps.clock.now() - start) / 1_000 }
  return { ...nothingDone, outcome: 'swapped', generation: id, seconds, offsets: offsetsOf(feed) }
}

async function buildAndSwap(deps: RebuildDeps, options: RebuildOptions): Promise<RebuildResult> {
  const { config, live, staging, kafka, clock, id } = deps
  // Before the former generation is given up: it may be wanted when this cannot be done.
  if (!options.isNewHalfLife) await refuseOtherHalfLife(live, config.ranking.halfLifeMs)
  if (!options.yes) refuseTooLarge(await estimateMemory(config, staging))
  if (!(await beginGeneration(staging, { id, nowMs: clock.now() }))) throw notOurs(config)
  const bounds = await topicBounds(kafka.admin, config.topic)
  const from = new Map([...bounds].map(([partition, { first }]) => [partition, first]))
  const ends = new Map([...bounds].map(([partition, { end }]) => [partition, end]))
  const fold = new ServingFold(config.ranking)
  const check = new GenerationCheck(config.ranking, clock)
  const take = (range: Range): void => {
    fold.apply(range)
    check.apply(range)
  }
  for (const [partition, first] of from) {
    if (first > 0) take({ partition, firstOffset: first, nextOffset: first, records: [] })
  }
  const feed = new GenerationFeed({ from, ends, fold: take, readRecords: deps.readRecords })
  const watch = stopwatch(clock)
  let audit: StoreAudit | null = null
  await withFeed(deps, { feed, from }, async () => {
    await reportWhile(deps, { feed, from, ends }, feed.folded.promise)
    watch.lap('reading')
    const latestMs = await serverTime(deps)
    await loadCommands({ redis: staging, id }, servingCommands(fold, latestMs), (written) => {
      deps.onProgress('writing', written, null)
      failpoint('redis.mid-rebuild')
    })
    watch.lap('writing')
    deps.onProgress('verifying', 0, null)
    audit = await check.audit(staging)
    watch.lap('verifying')
    if (audit.differenceCount > 0) return
    if (!(await markVerified(staging, { id, nowMs: clock.now() }))) throw notOurs(config)
    failpoint('redis.rebuild-verified-not-swapped')
    await swapWhenReached(deps, feed, { id, ...options })
    watch.lap('swapping')
  })
  return resultOf({ id, fold, feed, audit, watch })
}

function resultOf(built: {
  readonly id: string
  readonly fold: ServingFold
  readonly feed: GenerationFeed
  readonly audit: StoreAudit | null
  readonly watch: { readonly seconds: Seconds; readonly cpuSeconds: Seconds }
}): RebuildResult {
  const { id, fold, feed, audit, watch } = built
  const { seconds, cpuSeconds } = watch
  const worked = (seconds.reading ?? 0) + (seconds.writing ?? 0)
  return {
    outcome: (audit?.differenceCount ?? 0) > 0 ? 'differs' : 'swapped',
    generation: id,
    records: feed.records,
    refused: feed.refused,
    devices: fold.devices.size,
    seconds,
    cpuSeconds,
    recordsPerSecond: worked === 0 ? null : Math.round(feed.records / worked),
    offsets: offsetsOf(feed),
    audit,
  }
}

const offsetsOf = (feed: GenerationFeed) =>
  Object.fromEntries([...feed.reached].map(([partition, next]) => [String(partition), next]))

/** Runs work while the feed follows the topic; whatever breaks the feed breaks the work. */
async function withFeed(
  deps: RebuildDeps,
  { feed, from }: { readonly feed: GenerationFeed; readonly from: ReadonlyMap<number, number> },
  work: () => Promise<void>,
): Promise<void> {
  const broken = Promise.withResolvers<never>()
  broken.promise.catch(() => undefined)
  const follower = await startTopicFollower({
    ...deps.kafka,
    topic: deps.config.topic,
    from,
    onBatch: (batch) => feed.take(batch),
    onFatal: broken.reject,
  })
  const working = work()
  try {
    await Promise.race([working, broken.promise])
  } finally {
    working.catch(() => undefined)
    // A batch that still waits would keep the follower from stopping.
    feed.applyTo(redisServingStore(deps.staging, { ...deps.config.ranking, budget }))
    await follower.stop()
  }
}

async function reportWhile(
  { clock, onProgress }: RebuildDeps,
  {
    feed,
    from,
    ends,
  }: {
    readonly feed: GenerationFeed
    readonly from: ReadonlyMap<number, number>
    readonly ends: ReadonlyMap<number, number>
  },
  done: Promise<undefined>,
): Promise<void> {
  const sum = (offsets: ReadonlyMap<number, number>) =>
    [...offsets.values()].reduce((total, offset) => total + offset, 0)
  const ended = new AbortController()
  const report = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      onProgress('reading', sum(feed.reached) - sum(from), sum(ends) - sum(from))
      await clock.sleep(200, ended.signal).catch(() => undefined)
    }
  }
  const reporting = report()
  await done
  ended.abort()
  await reporting
}

type SwapOptions = { readonly id: string } & Pick<RebuildOptions, 'isNewHalfLife'>

/** Applies what came since through the scripts, and swaps at the first moment at which the new generation is not behind. */
async function swapWhenReached(
  deps: RebuildDeps,
  feed: GenerationFeed,
  generation: SwapOptions,
): Promise<void> {
  const { config, live, staging, clock } = deps
  feed.applyTo(redisServingStore(staging, { ...config.ranking, budget }))
  const start = clock.now()
  deps.onProgress('swapping', 0, null)
  for (;;) {
    const reply = await swapOnce(deps, generation)
    if (reply?.code === 'SWAPPED' || reply?.code === 'SERVES_ALREADY') break
    if (reply?.code === 'OTHER_HALF_LIFE') throw otherHalfLife(reply)
    if (reply?.code === 'NOT_HERE' || reply?.code === 'NOT_VERIFIED') throw notOurs(config)
    if (clock.now() - start > swapWithinMs) {
      throw new FaultlineError(
        'REBUILD_REFUSED',
        'the new generation does not catch up with the live one',
        {
          context: { reply },
          remedy: 'It is verified and waits: run the command again when less is written.',
        },
      )
    }
    await clock.sleep(swapAgainMs)
  }
  failpoint('redis.rebuild-swapped-old-alive')
  await announce(live, clock.now())
}

/** Undefined where the answer was lost: the script tells at the next call whether it was done. */
async function swapOnce(
  deps: RebuildDeps,
  { id, isNewHalfLife }: SwapOptions,
): Promise<SwapReply | undefined> {
  const { config, live, clock } = deps
  try {
    const swapping = swapGeneration(live, {
      liveDatabase: config.liveDatabase,
      otherDatabase: config.stagingDatabase,
      id,
      nowMs: clock.now(),
      isNewHalfLife,
    })
    failpoint('redis.rebuild-swap-sent')
    return await swapping
  } catch (error) {
    if (!isFaultlineError(error, 'SERVING_STORE_UNAVAILABLE')) throw error
    await clock.sleep(100)
    return undefined
  }
}

function notOurs({ stagingDatabase }: RebuildConfig): FaultlineError {
  return new FaultlineError(
    'REBUILD_REFUSED',
    `database ${stagingDatabase} holds keys that no rebuild wrote, or another run took it`,
    { remedy: 'Choose an empty database with REDIS_STAGING_DB, or empty this one yourself.' },
  )
}

async function serverTime({ staging }: RebuildDeps): Promise<number> {
  const [seconds] = await staging.run('the time', (client) => client.time())
  return Number(seconds) * 1_000
}

function stopwatch(clock: Clock) {
  const seconds: Partial<Record<RebuildStage, number>> = {}
  const cpuSeconds: Partial<Record<RebuildStage, number>> = {}
  let last = clock.now()
  let lastCpu = process.cpuUsage()
  return {
    seconds,
    cpuSeconds,
    lap(stage: RebuildStage): void {
      const now = clock.now()
      seconds[stage] = (now - last) / 1_000
      last = now
      const { user, system } = process.cpuUsage(lastCpu)
      cpuSeconds[stage] = (user + system) / 1e6
      lastCpu = process.cpuUsage()
    },
  }
}
