import { z } from 'zod'
import { FaultlineError } from '../errors/index.ts'

type Env = Readonly<Record<string, string | undefined>>

/**
 * Checks an environment against a schema and reports every problem at once, with the variables' own names.
 * @throws FaultlineError CONFIG_INVALID
 */
export function parseEnvironment<T>(schema: z.ZodType<T>, env: Env): Readonly<T> {
  const result = schema.safeParse(env)
  if (result.success) return Object.freeze(result.data)
  const problems = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
  throw new FaultlineError('CONFIG_INVALID', problems.join('; '), {
    remedy: 'Set the variables named above; `faultline env` prints those of a running stack.',
  })
}

/** `host:port`, as listening addresses are given. */
export const listenAddress = z.string().transform((text, context) => {
  const match = /^(?<host>[^:]+|\[[^\]]+\]):(?<port>\d{1,5})$/.exec(text)
  const port = Number(match?.groups?.['port'])
  if (match?.groups === undefined || port > 65_535) {
    context.addIssue({ code: 'custom', message: `expected host:port, got "${text}"` })
    return z.NEVER
  }
  return { host: match.groups['host'] ?? '127.0.0.1', port }
})

/** A comma-separated list of brokers. */
export const brokerList = z
  .string()
  .min(1)
  .transform((text) => text.split(',').map((broker) => broker.trim()))
