import { constants } from 'node:fs'
import { access, mkdir } from 'node:fs/promises'
import { z } from 'zod'
import { FaultlineError, messageOf } from '../errors/index.ts'

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

/** `host:port`, as listening addresses are given; an IPv6 host stands in brackets. */
export const listenAddress = z.string().transform((text, context) => {
  const match = /^(?:\[(?<ipv6>[^\]]+)\]|(?<name>[^:]+)):(?<port>\d{1,5})$/.exec(text)
  const host = match?.groups?.['ipv6'] ?? match?.groups?.['name']
  const port = Number(match?.groups?.['port'])
  if (host === undefined || port > 65_535) {
    context.addIssue({ code: 'custom', message: `expected host:port, got "${text}"` })
    return z.NEVER
  }
  return { host, port }
})

/** A comma-separated list of brokers. */
export const brokerList = z.string().transform((text, context) => {
  const brokers = text.split(',').map((broker) => broker.trim())
  if (brokers.includes('')) {
    context.addIssue({ code: 'custom', message: `expected host:port,host:port,…, got "${text}"` })
    return z.NEVER
  }
  return brokers
})

/** A whole number above zero, with its value where the variable is not set. */
export const positiveCount = (fallback: number) =>
  z.coerce.number().int().positive().default(fallback)

/**
 * Makes the folder that a variable names where there is none.
 * @throws FaultlineError CONFIG_INVALID where it cannot be made, or not be written to
 */
export async function prepareFolder(variable: string, path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true })
    await access(path, constants.W_OK)
  } catch (error) {
    throw new FaultlineError('CONFIG_INVALID', `${variable} cannot be used: ${messageOf(error)}`, {
      cause: error,
      remedy: `Set ${variable} to a folder that this process may write to.`,
    })
  }
}
