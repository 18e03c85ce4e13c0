import { environment as names } from '@faultline/contracts/environment'
import { topics } from '@faultline/contracts/topics'
import { listenAddress, parseEnvironment } from '@faultline/runtime/config'
import { redisEnvironment } from '@faultline/runtime/redis'
import { z } from 'zod'

const isLoopback = (host: string) =>
  host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)

const schema = z
  .object({
    API_LISTEN: listenAddress.refine(
      ({ host }) => isLoopback(host),
      'has to be a loopback address such as 127.0.0.1:7400: the API has no keys yet, so it must not be reachable from ' +
        'other machines; put a proxy that authenticates in front of it',
    ),
    CLICKHOUSE_URL: z.string().regex(/^https?:\/\//, 'expected http://user:password@host:port'),
    // Without it the API reads only.
    [names.databaseUrl]: z.url().optional(),
    [names.enrichTopic]: z.string().min(1).default(topics.enrichedMeasurements),
    LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('info'),
  })
  .and(redisEnvironment)
  .transform((env) => ({
    listen: env.API_LISTEN,
    clickhouseUrl: env.CLICKHOUSE_URL,
    databaseUrl: env[names.databaseUrl],
    redisUrl: env.redisUrl,
    enrichedTopic: env[names.enrichTopic],
    logLevel: env.LOG_LEVEL,
  }))

export type ApiConfig = z.infer<typeof schema>

/** @throws FaultlineError CONFIG_INVALID that names every variable at fault */
export function apiConfig(env: Readonly<Record<string, string | undefined>>): ApiConfig {
  return parseEnvironment(schema, env)
}
