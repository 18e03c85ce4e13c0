import { parseArgs } from 'node:util'
import { uncheckedAudit, type StoreAudit } from '@faultline/audit/report'
import { systemClock } from '@faultline/runtime/clock'
import { FaultlineError, messageOf } from '@faultline/runtime/errors'
import { progressLine, runTool, Scope } from '@faultline/runtime/lifecycle'
import { createLogger } from '@faultline/runtime/logging'
import { isAway } from '../away.ts'
import { parseVerifyConfig } from '../config.ts'
import { ProductAudit } from '../product-audit.ts'
import { describeAudits, jsonOf } from './describe.ts'
import { VerifyProgress } from './progress.ts'

const showEveryMs = 200

runTool(async (signal) => {
  const { json } = readArguments(process.argv.slice(2))
  const config = parseVerifyConfig(process.env)
  const scope = new Scope()
  try {
    const failed = new AbortController()
    const product = await ProductAudit.start(config, {
      scope,
      logger: createLogger('verify', 'silent'),
      clock: systemClock,
      onFatal: (error) => {
        failed.abort(error)
      },
      signal: AbortSignal.any([signal, failed.signal]),
    })
    const started = performance.now()
    const audits = await auditBoth(product)
    const seconds = (performance.now() - started) / 1_000
    const text = json ? jsonOf(audits) : describeAudits(audits, seconds)
    process.stdout.write(`${text}\n`)
    return exitCode([audits.redis, audits.clickhouse])
  } finally {
    await scope.stop()
  }
})

/** ClickHouse is held against what Redis made the topic be read to. Where one of them is away, the other is compared all the same. */
async function auditBoth(product: ProductAudit) {
  const now = () => performance.now()
  const first = [...product.fold.offsets().values()].reduce((sum, at) => sum + at.first, 0)
  const ends = [...(await product.fold.ends()).values()].reduce((sum, end) => sum + end, 0)
  const read = () => [...product.fold.offsets().values()].reduce((sum, at) => sum + at.next, 0)
  const progress = new VerifyProgress(() => read() - first, ends - first)
  const line = progressLine(process.stderr, systemClock)
  const showing = setInterval(() => {
    line.show(() => progress.describe(now()))
  }, showEveryMs)
  const onCompared = (what: string, count: number): void => {
    progress.compared(what, count)
  }
  try {
    progress.begin('Redis', null, now())
    const redis = await unlessAway(() => product.auditRedis({ onCompared }))
    const clickhouse = await unlessAway(async () => {
      if (!redis.isChecked) await product.advanceToClickhouse()
      progress.begin('ClickHouse', product.deviceIds().length, now())
      return await product.auditClickhouse({ onCompared })
    })
    return { redis, clickhouse }
  } finally {
    clearInterval(showing)
    line.clear()
  }
}

async function unlessAway(audit: () => Promise<StoreAudit>): Promise<StoreAudit> {
  try {
    return await audit()
  } catch (error) {
    if (!isAway(error)) throw error
    return uncheckedAudit(messageOf(error))
  }
}

/** 0 equal, 3 something differs, 1 something could not be checked. */
function exitCode(audits: readonly StoreAudit[]): number {
  if (audits.some(({ differenceCount }) => differenceCount > 0)) return 3
  return audits.every(({ isChecked }) => isChecked) ? 0 : 1
}

function readArguments(args: readonly string[]): { readonly json: boolean } {
  try {
    const { values } = parseArgs({ args: [...args], options: { json: { type: 'boolean' } } })
    return { json: values.json === true }
  } catch (error) {
    throw new FaultlineError('ARGUMENT_INVALID', messageOf(error))
  }
}
