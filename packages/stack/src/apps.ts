import { join, resolve } from 'node:path'
import { environment as names } from '@faultline/contracts/environment'
import { waitUntilServing } from './backends/wait-until-serving.ts'
import type { StackPorts } from './layout.ts'
import type { ProcessSpec } from './process-spec.ts'

type Env = Readonly<Record<string, string | undefined>>

export interface AppSettings {
  readonly projectFolder: string
  readonly ports: StackPorts
  /** Addresses of the back ends, by the names of the contract. */
  readonly addresses: Readonly<Record<string, string>>
  /** The environment of `up`: settings that are not addresses go through to the apps. */
  readonly env: Env
  /** Where Node keeps what it compiled: it halves the time an app needs to start. */
  readonly compileCache: string
  /** Where frame files are collected from, unless `env` says otherwise. */
  readonly inbox: string
  /** Where rejected messages are kept, unless `env` says otherwise. */
  readonly rejected: string
  /** Whether the demo fleet is one of the apps. */
  readonly demo: boolean
}

interface App {
  readonly name: string
  /** Back ends it starts after. It would also wait by itself, but each try costs a start. */
  readonly needs: readonly string[]
  readonly addresses: readonly string[]
  readonly port: keyof StackPorts
  readonly listen: string
}

const topicAddresses = [names.kafkaBootstrap, names.schemaRegistryUrl]

const apps: readonly App[] = [
  {
    name: 'enricher',
    needs: ['kafka', 'registry'],
    addresses: topicAddresses,
    port: 'opsEnricher',
    listen: names.opsListen,
  },
  {
    name: 'redis-consumer',
    needs: ['kafka', 'registry', 'redis'],
    addresses: [...topicAddresses, names.redisUrl],
    port: 'opsRedisConsumer',
    listen: names.opsListen,
  },
  {
    name: 'clickhouse-sink',
    needs: ['kafka', 'registry', 'clickhouse'],
    addresses: [...topicAddresses, names.clickhouseUrl],
    port: 'opsClickhouseSink',
    listen: names.opsListen,
  },
  {
    name: 'api',
    needs: ['postgres', 'redis', 'clickhouse'],
    addresses: [names.databaseUrl, names.redisUrl, names.clickhouseUrl],
    port: 'api',
    listen: names.apiListen,
  },
  {
    name: 'auditor',
    needs: ['kafka', 'registry', 'redis', 'clickhouse'],
    addresses: [...topicAddresses, names.redisUrl, names.clickhouseUrl],
    port: 'opsAuditor',
    listen: names.opsListen,
  },
  {
    name: 'postgres-keeper',
    needs: ['postgres', 'connect'],
    addresses: [names.databaseUrl],
    port: 'opsPostgresKeeper',
    listen: names.opsListen,
  },
  {
    name: 'collector',
    needs: ['postgres'],
    addresses: [names.databaseUrl],
    port: 'opsCollector',
    listen: names.opsListen,
  },
  {
    name: 'mqtt-source',
    needs: ['postgres'],
    addresses: [names.databaseUrl],
    port: 'opsMqttSource',
    listen: names.opsListen,
  },
  {
    name: 'demo-fleet',
    needs: ['postgres', 'connect'],
    addresses: [names.databaseUrl],
    port: 'opsDemoFleet',
    listen: names.opsListen,
  },
]

/** The stack decides who listens where, who reaches whom, and which topics it makes; these never go through. */
const stackNames: readonly string[] = [
  names.databaseUrl,
  names.replicationPassword,
  names.kafkaBootstrap,
  names.schemaRegistryUrl,
  names.connectUrl,
  names.redisUrl,
  names.redisHost,
  names.redisPort,
  names.clickhouseUrl,
  names.apiUrl,
  names.apiListen,
  names.opsListen,
  names.topicCatalog,
  names.topicMeasurements,
  names.enrichTopic,
  names.faultlineHome,
  names.faultlineCache,
  names.nodeOptions,
  names.collectFolder,
  names.mqttErrorFolder,
]

/** Settings of the apps that an operator may give to `up`. */
const settingNames = Object.values(names).filter((name) => !stackNames.includes(name))

/** The product's own processes, each started by the running Node from its main.ts. */
export function appSpecs(settings: AppSettings): readonly ProcessSpec[] {
  return apps.filter(({ name }) => isWanted(name, settings)).map((app) => appSpec(app, settings))
}

function isWanted(name: string, { demo, env }: AppSettings): boolean {
  if (name === 'demo-fleet') return demo
  return name !== 'mqtt-source' || (env[names.mqttUrl] ?? '') !== ''
}

/**
 * kafkajs sets a timer in the past whenever its queue was idle; Node 24 warns of it at every start, and nothing is wrong. With more room for
 * young objects those of a batch are gone before they are looked at: a tenth less processor time, and less memory.
 */
export const appNodeOptions: readonly string[] = [
  '--disable-warning=TimeoutNegativeWarning',
  '--max-semi-space-size=32',
]

function appSpec(app: App, settings: AppSettings): ProcessSpec {
  const { projectFolder, ports, addresses, env, compileCache } = settings
  const port = ports[app.port]
  const givenOptions = env[names.nodeOptions]
  const readyUrl = `http://127.0.0.1:${port}/readyz`
  return {
    name: app.name,
    kind: 'app',
    needs: app.needs,
    command: process.execPath,
    args: [...appNodeOptions, join(projectFolder, 'apps', app.name, 'src', 'main.ts')],
    env: {
      ...pick(env, settingNames),
      ...foldersOf(app, settings),
      ...pick(addresses, app.addresses),
      NODE_COMPILE_CACHE: compileCache,
      ...(givenOptions === undefined ? {} : { NODE_OPTIONS: givenOptions }),
      [app.listen]: `127.0.0.1:${port}`,
    },
    cwd: projectFolder,
    ready: (signal, report) =>
      waitUntilServing((limit) => checkReady(readyUrl, limit), signal, report),
    stopSignal: 'SIGTERM',
    // An app stops within 15 s by itself (runProcess); this is the second line.
    stopTimeoutMs: 20_000,
    ports: [port],
  }
}

function foldersOf({ name }: App, settings: AppSettings): Record<string, string> {
  const { env, inbox, rejected } = settings
  if (name === 'collector')
    return { [names.collectFolder]: folder(env[names.collectFolder], inbox) }
  if (name !== 'mqtt-source') return {}
  return { [names.mqttErrorFolder]: folder(env[names.mqttErrorFolder], rejected) }
}

/** A relative folder is the operator's, whose working directory the apps do not have. */
function folder(given: string | undefined, usual: string): string {
  return given === undefined || given === '' ? usual : resolve(given)
}

function pick(from: Env, keys: readonly string[]): Record<string, string> {
  const entries = keys.flatMap((key) => {
    const value = from[key]
    return value === undefined ? [] : [[key, value] as const]
  })
  return Object.fromEntries(entries)
}

const answerTimeoutMs = 2_000

/** @throws Error with what the application still waits for */
async function checkReady(url: string, signal: AbortSignal): Promise<void> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(answerTimeoutMs)])
  const response = await fetch(url, { signal: limit })
  const text = await response.text()
  if (!response.ok) throw new Error(describeReadiness(text))
}

/** The detail of a /readyz answer in one line: `status` is known to be "not ready" and left out. */
export function describeReadiness(body: string): string {
  let detail: unknown
  try {
    detail = JSON.parse(body)
  } catch {
    return body.slice(0, 200)
  }
  if (typeof detail !== 'object' || detail === null) return body.slice(0, 200)
  const facts = Object.entries(detail)
    .filter(([key]) => key !== 'status')
    .map(([key, value]) => `${key}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
  return facts.length === 0 ? 'not ready' : facts.join(', ').slice(0, 300)
}
