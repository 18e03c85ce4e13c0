import { mkdir } from 'node:fs/promises'
import { probeRedis } from '@faultline/runtime/probes'
import type { ProcessSpec } from '../process-spec.ts'
import { loopback, type BackEndContext, type BackEndService } from './back-end.ts'
import { waitUntilServing } from './wait-until-serving.ts'

export function redisService(url: string): BackEndService {
  return {
    ready: (signal, report) => waitUntilServing(() => probeRedis(url), signal, report),
  }
}

/** Redis can be rebuilt from Kafka, so a second of it may be lost; it must never evict, which would lose it silently. */
export async function redisSpec(context: BackEndContext): Promise<ProcessSpec> {
  const { folders, ports, downloads, env } = context
  const data = folders.data('redis')
  await mkdir(data, { recursive: true })
  const settings = {
    port: String(ports.redis),
    bind: loopback,
    dir: data,
    appendonly: 'yes',
    appendfsync: 'everysec',
    save: '',
    maxmemory: '512mb',
    'maxmemory-policy': 'noeviction',
    'stream-node-max-entries': '100',
    daemonize: 'no',
  }
  return {
    name: 'redis',
    kind: 'back-end',
    needs: [],
    command: downloads.redisServer,
    args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    env,
    cwd: data,
    ...redisService(`redis://${loopback}:${ports.redis}/0`),
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 10_000,
    ports: [ports.redis],
  }
}
