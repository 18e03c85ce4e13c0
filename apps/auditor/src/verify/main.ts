import { parseArgs } from 'node:util'
import type { StoreAudit } from '@faultline/audit/report'
import { FaultlineError, messageOf } from '@faultline/runtime/errors'
import { runTool, Scope } from '@faultline/runtime/lifecycle'
import { createLogger } from '@faultline/runtime/logging'
import { parseVerifyConfig } from '../config.ts'
import { ProductAudit } from '../product-audit.ts'
import { describeAudits, jsonOf } from './describe.ts'

runTool(async (signal) => {
  const { json } = readArguments(process.argv.slice(2))
  const config = parseVerifyConfig(process.env)
  const scope = new Scope()
  try {
    const failed = new AbortController()
    const product = await ProductAudit.start(config, {
      scope,
      logger: createLogger('verify', 'silent'),
      onFatal: (error) => {
        failed.abort(error)
      },
      signal: AbortSignal.any([signal, failed.signal]),
    })
    const started = performance.now()
    // ClickHouse is held against what Redis made the topic be read to.
    const redis = await product.auditRedis()
    const clickhouse = await product.auditClickhouse()
    const audits = { redis, clickhouse }
    const seconds = (performance.now() - started) / 1_000
    const text = json ? jsonOf(audits) : describeAudits(audits, seconds)
    process.stdout.write(`${text}\n`)
    return exitCode([redis, clickhouse])
  } finally {
    await scope.stop()
  }
})

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
