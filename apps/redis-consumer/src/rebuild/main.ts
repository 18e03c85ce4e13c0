import { parseArgs } from 'node:util'
import { systemClock } from '@faultline/runtime/clock'
import { progressLine, runTool, Scope } from '@faultline/runtime/lifecycle'
import { createLogger } from '@faultline/runtime/logging'
import { connectKafka } from '@faultline/runtime/kafka'
import { connectRedis } from '@faultline/runtime/redis'
import { createProjection, httpSchemaRegistry } from '@faultline/runtime/registry'
import { createRecordReader } from '../decode-record.ts'
import { servedMeasurementAvro } from '../served-measurement.ts'
import { parseRebuildConfig } from './config.ts'
import { clientPrefix } from './generations.ts'
import { discard, rollBack } from './other-actions.ts'
import { newGenerationId, rebuildRedis, type RebuildDeps } from './rebuild.ts'
import { describeProgress, describeResult } from './words.ts'

const differs = 3

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      yes: { type: 'boolean', default: false },
      'new-half-life': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      rollback: { type: 'boolean', default: false },
      discard: { type: 'boolean', default: false },
    },
  })
  const config = parseRebuildConfig(process.env)
  const logger = createLogger('rebuild', process.env['LOG_LEVEL'] ?? 'error')
  const id = newGenerationId(systemClock.now())
  const clientName = `${clientPrefix}${id}`
  const scope = new Scope()
  const progress = progressLine(process.stderr, systemClock)
  const onProgress: RebuildDeps['onProgress'] = (stage, done, of) => {
    progress.show((elapsedMs) => describeProgress(stage, { done, of, elapsedMs }))
  }
  const say = (result: object, words: string): void => {
    process.stdout.write(`${values.json ? JSON.stringify(result) : words}\n`)
  }
  try {
    const live = await scope.start('live', () =>
      connectRedis({ url: config.liveUrl, clientName, logger }),
    )
    const staging = await scope.start('staging', () =>
      connectRedis({ url: config.stagingUrl, clientName, logger }),
    )
    const kafka = await scope.start('kafka', () =>
      connectKafka({ brokers: config.brokers, clientId: 'faultline-rebuild', logger }),
    )
    const deps = { config, live, staging, kafka, clock: systemClock }
    if (values.discard) {
      const discarded = await discard(deps)
      say({ discarded }, discarded === null ? 'Nothing to discard.' : `Discarded ${discarded}.`)
      return 0
    }
    if (values.rollback) {
      const generation = await rollBack(deps)
      say(
        { outcome: 'rolled-back', generation },
        `Generation ${generation} serves again; the consumer replays what it lacks.`,
      )
      return 0
    }
    const registry = httpSchemaRegistry(config.registryUrl)
    const readRecords = createRecordReader(createProjection(registry, servedMeasurementAvro))
    const result = await rebuildRedis(
      { ...deps, id, readRecords, onProgress },
      { yes: values.yes, isNewHalfLife: values['new-half-life'] },
    )
    progress.clear()
    say(result, describeResult(result))
    return result.outcome === 'differs' ? differs : 0
  } finally {
    progress.clear()
    await scope.stop()
  }
}

// Ctrl-C ends it at once: whatever it leaves is found by the next run.
runTool((signal) => {
  signal.addEventListener('abort', () => process.exit(1))
  return main()
})
