import { environment } from '@faultline/contracts/environment'
import { FaultlineError } from '@faultline/runtime/errors'
import { fetchDownloads, cacheFolder, type DownloadProgress } from '../download/index.ts'
import type { StackFolders, StackPorts } from '../layout.ts'
import type { ProcessSpec } from '../process-spec.ts'
import {
  backEndAddresses,
  backEndNames,
  externalBackEnds,
  type BackEndAddresses,
  type BackEndName,
  type ExternalAddresses,
} from './addresses.ts'
import type { BackEndContext, BackEndService } from './back-end.ts'
import { clickhouseService, clickhouseSpec } from './clickhouse.ts'
import { connectService, connectSpec, type ConnectorEnvironment } from './connect.ts'
import { stackCredentials, type Credentials } from './credentials.ts'
import { kafkaService, kafkaSpec } from './kafka.ts'
import { postgresService, postgresSpec } from './postgres.ts'
import { redisService, redisSpec } from './redis.ts'
import { apicurioApiPath, confluentApiPath, registryService, registrySpec } from './registry.ts'

export { connectionEnvironment, type BackEndAddresses } from './addresses.ts'

export interface BackEndOptions {
  readonly folders: StackFolders
  readonly ports: StackPorts
  readonly env: Readonly<Record<string, string | undefined>>
  readonly onProgress: (event: DownloadProgress) => void
  readonly signal?: AbortSignal
}

export interface BackEnds {
  readonly addresses: BackEndAddresses
  /** The embedded back ends, in the order of their needs. */
  readonly specs: readonly ProcessSpec[]
  /** Readiness and set-up of existing servers: those before the processes start, and those (Connect) after. */
  readonly settleExternal: (
    when: 'before start' | 'after start',
    signal: AbortSignal,
  ) => Promise<void>
}

/**
 * Fetches what is missing, makes the data folders of a first start and describes the processes. The stack's lock must be held.
 * A back end whose address is in `env` is an existing server and gets no process.
 * @throws FaultlineError TOOL_MISSING, DOWNLOAD_FAILED, DISK_FULL, CONFIG_INVALID, BACK_END_UNAVAILABLE
 */
export async function backEndSpecs(options: BackEndOptions): Promise<BackEnds> {
  const { folders, ports, env } = options
  const external = externalBackEnds(env)
  const credentials = await credentialsOf(folders, env)
  const addresses = backEndAddresses(ports, credentials, external)
  const services = backEndServices(addresses, credentials.replication)
  const embedded = backEndNames.filter((name) => external[name] === undefined)
  const settleExternal: BackEnds['settleExternal'] = async (when, signal) => {
    for (const name of externalNames(external, when)) await settle(name, services[name], signal)
  }
  if (embedded.length === 0) return { addresses, specs: [], settleExternal }
  const downloads = await fetchDownloads({ ...options, cache: cacheFolder(env) })
  const context = { folders, ports, downloads, credentials, env: childEnvironment(env) }
  const connector = connectorEnvironment(addresses, credentials)
  const makers = specMakers(context, addresses, connector)
  const specs = await Promise.all(embedded.map((name) => makers[name]()))
  return { addresses, specs, settleExternal }
}

/**
 * Waits for existing servers and sets all of them up. Safe to repeat.
 * @throws FaultlineError BACK_END_UNAVAILABLE, CONFIG_INVALID, MIGRATION_CONFLICT
 */
export async function settleExternalBackEnds(
  external: BackEndAddresses,
  replicationPassword: string,
  signal: AbortSignal,
): Promise<void> {
  const services = backEndServices(external, replicationPassword)
  for (const when of ['before start', 'after start'] as const) {
    for (const name of externalNames(external, when)) await settle(name, services[name], signal)
  }
}

/** Connect comes last: its connector needs the tables and the topics. */
function externalNames(
  external: ExternalAddresses,
  when: 'before start' | 'after start',
): readonly BackEndName[] {
  return backEndNames.filter(
    (name) => external[name] !== undefined && (name === 'connect') === (when === 'after start'),
  )
}

async function credentialsOf(
  folders: StackFolders,
  env: BackEndOptions['env'],
): Promise<Credentials> {
  const made = await stackCredentials(folders.home)
  const given = env[environment.replicationPassword]
  return given === undefined || given === '' ? made : { ...made, replication: given }
}

function backEndServices(
  addresses: BackEndAddresses,
  replicationPassword: string,
): Readonly<Record<BackEndName, BackEndService>> {
  return {
    postgres: postgresService(addresses.postgres, replicationPassword),
    kafka: kafkaService(addresses.kafka),
    registry: registryService(addresses.registry),
    connect: connectService(addresses.connect),
    clickhouse: clickhouseService(addresses.clickhouse),
    redis: redisService(addresses.redis),
  }
}

function specMakers(
  context: BackEndContext,
  addresses: BackEndAddresses,
  connector: ConnectorEnvironment,
): Readonly<Record<BackEndName, () => Promise<ProcessSpec>>> {
  return {
    postgres: () => postgresSpec(context),
    kafka: () => kafkaSpec(context),
    registry: () => registrySpec(context),
    connect: () => connectSpec(context, { ...connector, kafkaBootstrap: addresses.kafka }),
    clickhouse: () => clickhouseSpec(context),
    redis: () => redisSpec(context),
  }
}

function connectorEnvironment(
  addresses: BackEndAddresses,
  credentials: Credentials,
): ConnectorEnvironment {
  return {
    databaseUrl: new URL(addresses.postgres),
    replicationPassword: credentials.replication,
    // Both APIs are of the one Apicurio; the converter does not speak the Confluent one.
    registryApiUrl: addresses.registry.replace(confluentApiPath, apicurioApiPath),
  }
}

/** Children get what they need to run, not everything the caller has in its environment. */
function childEnvironment(env: BackEndOptions['env']): Record<string, string> {
  const kept = ['PATH', 'HOME', 'TMPDIR'].flatMap((name) => {
    const value = env[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  return { ...Object.fromEntries(kept), LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8', TZ: 'UTC' }
}

const externalLimitMs = 15_000

async function settle(
  name: BackEndName,
  service: BackEndService,
  signal: AbortSignal,
): Promise<void> {
  let reason = 'no answer'
  const limit = AbortSignal.any([signal, AbortSignal.timeout(externalLimitMs)])
  try {
    await service.ready(limit, (text) => {
      reason = text
    })
  } catch (error) {
    signal.throwIfAborted()
    throw new FaultlineError(
      'BACK_END_UNAVAILABLE',
      `the existing ${name} does not serve: ${reason}`,
      {
        cause: error,
        remedy: 'Check its address in the environment, or unset it to have one started here.',
      },
    )
  }
  await service.afterReady?.(signal)
}
