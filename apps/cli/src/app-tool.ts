import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { environment as names } from '@faultline/contracts/environment'
import { appNodeOptions } from '@faultline/stack/apps'
import { findSupervisor, requireSupervisor } from '@faultline/stack/control'
import type { CliContext } from './context.ts'

/** A one-off program of an application, `apps/<app>/src/<tool>/main.ts`. */
export interface AppTool {
  readonly app: string
  readonly tool: string
}

/**
 * Runs a one-off program of an application on this terminal and resolves to its exit code, 1 where a signal ended it. It
 * gets the caller's environment, and the addresses of the running stack where the caller names none.
 * @throws FaultlineError NOT_RUNNING where no stack runs and the caller names no address at all
 */
export async function runAppTool(
  context: CliContext,
  { app, tool }: AppTool,
  args: readonly string[],
): Promise<number> {
  const program = join(context.projectFolder, 'apps', app, 'src', tool, 'main.ts')
  const child = spawn(process.execPath, [...appNodeOptions, program, ...args], {
    stdio: 'inherit',
    env: await toolEnvironment(context),
  })
  // Ctrl-C reaches the whole process group, the program included: only wait for it. The rest reaches this process alone.
  const stay = () => undefined
  const passOn = (signal: NodeJS.Signals) => child.kill(signal)
  process.on('SIGINT', stay).on('SIGTERM', passOn).on('SIGHUP', passOn)
  try {
    const [code] = (await once(child, 'exit')) as [number | null]
    return code ?? 1
  } finally {
    process.off('SIGINT', stay).off('SIGTERM', passOn).off('SIGHUP', passOn)
  }
}

const addressNames: readonly string[] = [
  names.databaseUrl,
  names.kafkaBootstrap,
  names.schemaRegistryUrl,
  names.connectUrl,
  names.redisUrl,
  names.redisHost,
  names.clickhouseUrl,
  names.apiUrl,
]

/** What the program finds in its environment: a name that the caller gave wins over the address of the running stack. */
export async function toolEnvironment({
  env,
  home,
}: Pick<CliContext, 'env' | 'home'>): Promise<Record<string, string | undefined>> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const knowsAddresses = addressNames.some((name) => given[name] !== undefined)
  const supervisor = knowsAddresses ? findSupervisor(home) : requireSupervisor(home)
  const stack = { ...(await supervisor?.status())?.environment }
  // REDIS_URL goes before REDIS_HOST: the stack's must not hide the caller's.
  if (given[names.redisHost] !== undefined) Reflect.deleteProperty(stack, names.redisUrl)
  return { ...stack, ...given }
}
