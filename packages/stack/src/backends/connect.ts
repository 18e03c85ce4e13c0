import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '@faultline/runtime/clock'
import type { ProcessSpec } from '../process-spec.ts'
import { loopback, type BackEndContext, type BackEndService } from './back-end.ts'
import { classArchiveFlags } from './class-archive.ts'
import { keepConnectorRunning, registerConnector } from './connector.ts'
import { logToStderr, steadyJvm, writeProperties } from './java-process.ts'
import { httpCheck, waitUntilServing } from './wait-until-serving.ts'

const heapMegabytes = 768

/** @param url of Connect's REST interface */
export function connectService(url: string): BackEndService {
  // The list of connectors is answered only by a worker that has joined its group and read its topics.
  const check = httpCheck(`${url}/connectors`, (body) => Array.isArray(JSON.parse(body)))
  return {
    ready: (signal, report) => waitUntilServing(check, signal, report),
    afterReady: (signal) => registerConnector(url, signal),
  }
}

/** What the placeholders of debezium/postgres-connector.json stand for. */
export interface ConnectorEnvironment {
  readonly databaseUrl: URL
  readonly replicationPassword: string
  /** As the converter needs it, with the path of Apicurio's own API. */
  readonly registryApiUrl: string
}

export function connectorVariables(environment: ConnectorEnvironment): Record<string, string> {
  const { databaseUrl, replicationPassword, registryApiUrl } = environment
  return {
    FAULTLINE_DATABASE_HOST: databaseUrl.hostname,
    FAULTLINE_DATABASE_PORT: databaseUrl.port === '' ? '5432' : databaseUrl.port,
    FAULTLINE_DATABASE_NAME: decodeURIComponent(databaseUrl.pathname.slice(1)),
    FAULTLINE_REPLICATION_PASSWORD: replicationPassword,
    FAULTLINE_REGISTRY_API_URL: registryApiUrl,
  }
}

/** @param addresses of the back ends that Connect uses, embedded or existing */
export async function connectSpec(
  context: BackEndContext,
  addresses: ConnectorEnvironment & { readonly kafkaBootstrap: string },
): Promise<ProcessSpec> {
  const { folders, ports, downloads, env } = context
  const data = folders.data('connect')
  const config = join(data, 'connect.properties')
  await mkdir(data, { recursive: true })
  await writeProperties(config, workerProperties(context, addresses.kafkaBootstrap))
  const classPath = join(downloads.kafkaJars, '*')
  const url = `http://${loopback}:${ports.connect}`
  const service = connectService(url)
  return {
    name: 'connect',
    kind: 'back-end',
    needs: ['kafka', 'postgres', 'registry'],
    command: downloads.java.program,
    args: [
      ...steadyJvm(heapMegabytes),
      ...logToStderr,
      '-Dorg.slf4j.simpleLogger.log.io.debezium=info',
      ...(await classArchiveFlags(context, 'connect', classPath)),
      '-cp',
      classPath,
      'org.apache.kafka.connect.cli.ConnectDistributed',
      config,
    ],
    env: { ...env, ...connectorVariables(addresses) },
    cwd: data,
    ...service,
    afterReady: async (signal) => {
      await service.afterReady?.(signal)
      const warn = (message: string) => {
        process.emitWarning(message)
      }
      void keepConnectorRunning(url, { signal, clock: systemClock, warn })
    },
    stopSignal: 'SIGTERM',
    // A worker that is told to stop while it starts a task can wait for ever. To kill it costs nothing: what it has not
    // committed is read again (exactly-once).
    stopTimeoutMs: 12_000,
    ports: [ports.connect],
  }
}

function workerProperties(
  { ports, downloads }: BackEndContext,
  kafkaBootstrap: string,
): Readonly<Record<string, string>> {
  const internalTopic = { 'replication.factor': '1', partitions: '1' }
  return {
    'bootstrap.servers': kafkaBootstrap,
    'group.id': 'faultline-connect',
    listeners: `http://${loopback}:${ports.connect}`,
    'plugin.path': downloads.connectPlugins,
    'plugin.discovery': 'service_load',
    'exactly.once.source.support': 'enabled',
    'config.storage.topic': 'faultline_connect_configs',
    'config.storage.replication.factor': internalTopic['replication.factor'],
    'offset.storage.topic': 'faultline_connect_offsets',
    'offset.storage.replication.factor': internalTopic['replication.factor'],
    'offset.storage.partitions': internalTopic.partitions,
    'status.storage.topic': 'faultline_connect_status',
    'status.storage.replication.factor': internalTopic['replication.factor'],
    'status.storage.partitions': internalTopic.partitions,
    // Only the connector's own settings choose a converter; these are the worker's, for records it writes itself.
    'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'config.providers': 'env',
    'config.providers.env.class': 'org.apache.kafka.common.config.provider.EnvVarConfigProvider',
    'config.providers.env.param.allowlist.pattern': '^FAULTLINE_.*',
    // One worker: after a crash its successor takes the task over at once instead of in five minutes.
    'scheduled.rebalance.max.delay.ms': '0',
    'session.timeout.ms': '6000',
    'heartbeat.interval.ms': '2000',
  }
}
