import { environment as names } from '@faultline/contracts/environment'
import { findSupervisor } from '@faultline/stack/control'
import { plannedEnvironment } from '@faultline/stack/environment'
import type { CliContext } from '../context.ts'

/** What programs outside the stack connect with, in the order it is printed. */
const printed = [
  names.databaseUrl,
  names.kafkaBootstrap,
  names.schemaRegistryUrl,
  names.connectUrl,
  names.redisUrl,
  names.clickhouseUrl,
  names.apiUrl,
]

/** Prints export lines: those of the running stack, or those that `up` would use. */
export async function printEnvironment(
  context: CliContext,
  options: { portBase: number | undefined },
): Promise<number> {
  const running = await findSupervisor(context.home)?.status()
  const isKnown = running !== undefined && Object.keys(running.environment).length > 0
  const { home, env } = context
  const addresses = isKnown
    ? running.environment
    : await plannedEnvironment({ home, env, portBase: options.portBase })
  for (const line of exportLines(addresses)) context.terminal.print(line)
  return 0
}

export function exportLines(addresses: Readonly<Record<string, string>>): string[] {
  return printed.flatMap((name) => {
    const value = addresses[name]
    return value === undefined ? [] : [`export ${name}=${shellQuote(value)}`]
  })
}

/** The text as one word of a POSIX shell. */
export function shellQuote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
