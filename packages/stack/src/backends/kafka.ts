import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { access, mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { topicSpecs } from '@faultline/contracts/topics'
import { FaultlineError } from '@faultline/runtime/errors'
import { ensureTopics, probeKafka } from '@faultline/runtime/kafka-admin'
import type { ProcessSpec } from '../process-spec.ts'
import { loopback, type BackEndContext, type BackEndService } from './back-end.ts'
import { classArchiveFlags } from './class-archive.ts'
import { logToStderr, steadyJvm, writeProperties } from './java-process.ts'
import { waitUntilServing } from './wait-until-serving.ts'

const run = promisify(execFile)
const measurementPartitions = 4
const heapMegabytes = 512

/** @param bootstrap comma-separated brokers */
export function kafkaService(bootstrap: string): BackEndService {
  const brokers = bootstrap.split(',')
  return {
    ready: (signal, report) => waitUntilServing(() => probeKafka(brokers), signal, report),
    afterReady: () => ensureTopics(brokers, topicSpecs(measurementPartitions)),
  }
}

/** One Kafka node that is broker and controller (KRaft). */
export async function kafkaSpec(context: BackEndContext): Promise<ProcessSpec> {
  const { folders, ports, downloads, env } = context
  const data = folders.data('kafka')
  const config = join(data, 'server.properties')
  await mkdir(data, { recursive: true })
  await formatStorage(context, data)
  await writeProperties(config, brokerProperties(ports, join(data, 'log')))
  const classPath = join(downloads.kafkaJars, '*')
  return {
    name: 'kafka',
    kind: 'back-end',
    needs: [],
    command: downloads.java.program,
    args: [
      ...steadyJvm(heapMegabytes),
      ...logToStderr,
      ...(await classArchiveFlags(context, 'kafka', classPath)),
      '-cp',
      classPath,
      'kafka.Kafka',
      config,
    ],
    env,
    cwd: data,
    ...kafkaService(`${loopback}:${ports.kafka}`),
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 30_000,
    ports: [ports.kafka, ports.kafkaController],
  }
}

function brokerProperties(
  ports: BackEndContext['ports'],
  logFolder: string,
): Readonly<Record<string, string>> {
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    listeners: `BROKER://${loopback}:${ports.kafka},CONTROLLER://${loopback}:${ports.kafkaController}`,
    'advertised.listeners': `BROKER://${loopback}:${ports.kafka}`,
    'listener.security.protocol.map': 'BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'BROKER',
    'controller.listener.names': 'CONTROLLER',
    // Static voters: a dynamic quorum would remember the port of the day it was formatted.
    'controller.quorum.voters': `1@${loopback}:${ports.kafkaController}`,
    'log.dirs': logFolder,
    // A misspelled topic must fail, not appear with one partition and default retention.
    'auto.create.topics.enable': 'false',
    'message.max.bytes': '10485760',
    'log.segment.bytes': '268435456',
    // The default of 128 MB would take a quarter of the heap.
    'log.cleaner.dedupe.buffer.size': '16777216',
    'offsets.topic.num.partitions': '4',
    'offsets.topic.replication.factor': '1',
    'transaction.state.log.num.partitions': '4',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'share.coordinator.state.topic.num.partitions': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    'num.network.threads': '2',
    'num.io.threads': '4',
  }
}

/** Formats in a folder beside the real one, so that an interruption leaves no half-formatted log. */
async function formatStorage(context: BackEndContext, data: string): Promise<void> {
  const logFolder = join(data, 'log')
  if (await exists(join(logFolder, 'meta.properties'))) return
  const partial = join(data, 'log.partial')
  const config = join(data, 'format.properties')
  await rm(partial, { recursive: true, force: true })
  await rm(logFolder, { recursive: true, force: true })
  await writeProperties(config, brokerProperties(context.ports, partial))
  const { java, kafkaJars } = context.downloads
  const clusterId = randomBytes(16).toString('base64url')
  try {
    await run(
      java.program,
      [
        ...['-XX:TieredStopAtLevel=1', '-cp', join(kafkaJars, '*'), 'kafka.tools.StorageTool'],
        ...['format', '--cluster-id', clusterId, '--config', config],
      ],
      { env: context.env },
    )
  } catch (error) {
    throw new FaultlineError('BACK_END_UNAVAILABLE', `Kafka could not format ${logFolder}`, {
      remedy: 'Check that the folder can be written and that the disk is not full.',
      cause: error,
    })
  }
  await rename(partial, logFolder)
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
