/**
 * Sets up existing servers that are all given by address, once, and ends: migrations, topics, the connector. This is what
 * docker-compose.yml runs before the applications; `faultline up` does the same for its own stack.
 */
import { environment } from '@faultline/contracts/environment'
import { parseEnvironment } from '@faultline/runtime/config'
import { FaultlineError } from '@faultline/runtime/errors'
import { createLogger } from '@faultline/runtime/logging'
import { z } from 'zod'
import { externalBackEnds, type BackEndName } from '../backends/addresses.ts'
import { settleExternalBackEnds } from '../backends/index.ts'

const limitMs = 300_000
const logger = createLogger('set-up')

async function setUp(env: NodeJS.ProcessEnv): Promise<void> {
  const external = externalBackEnds(env)
  const address = (name: BackEndName): string => {
    const given = external[name]
    if (given !== undefined) return given
    throw new FaultlineError('CONFIG_INVALID', `the address of ${name} is not given`, {
      remedy: 'Set the variables that docker-compose.yml gives to `set-up`.',
    })
  }
  const { [environment.replicationPassword]: replicationPassword } = parseEnvironment(
    z.object({ [environment.replicationPassword]: z.string().min(1) }),
    env,
  )
  await settleExternalBackEnds(
    {
      postgres: address('postgres'),
      kafka: address('kafka'),
      registry: address('registry'),
      connect: address('connect'),
      clickhouse: address('clickhouse'),
      redis: address('redis'),
    },
    replicationPassword,
    AbortSignal.timeout(limitMs),
  )
  logger.info('migrations, topics and the connector are in place')
}

try {
  await setUp(process.env)
} catch (error) {
  logger.fatal({ err: error }, 'not set up')
  process.exitCode = 1
}
