import assert from 'node:assert'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ProcessSpec } from '../process-spec.ts'
import { classArchiveFlags } from './class-archive.ts'
import { loopback, type BackEndContext, type BackEndService } from './back-end.ts'
import { quickStartingJvm } from './java-process.ts'
import { httpCheck, waitUntilServing } from './wait-until-serving.ts'

const heapMegabytes = 192

/** @param url root of the Confluent API, as SCHEMA_REGISTRY_URL has it */
export function registryService(url: string): BackEndService {
  const check = httpCheck(`${url}/subjects`, (body) => Array.isArray(JSON.parse(body)))
  return { ready: (signal, report) => waitUntilServing(check, signal, report) }
}

/** Path of the Confluent API of Apicurio, and of the API that Debezium's converter speaks. */
export const confluentApiPath = '/apis/ccompat/v7'
export const apicurioApiPath = '/apis/registry/v2'

/**
 * Apicurio Registry with its H2 database in a file: Avro records name their schema by id, so the ids must outlive a restart.
 * WRITE_DELAY=0 writes each registration before it is answered.
 */
export async function registrySpec(context: BackEndContext): Promise<ProcessSpec> {
  const { folders, ports, downloads, env } = context
  const data = folders.data('registry')
  await mkdir(data, { recursive: true })
  const jar = await runnerJar(downloads.registryFolder)
  const properties = {
    'quarkus.http.host': loopback,
    'quarkus.http.port': String(ports.registry),
    'quarkus.datasource.jdbc.url': `jdbc:h2:file:${join(data, 'registry')};WRITE_DELAY=0`,
    'quarkus.datasource.jdbc.initial-size': '1',
    'quarkus.datasource.jdbc.min-size': '1',
    'quarkus.datasource.jdbc.max-size': '8',
    'quarkus.log.level': 'WARN',
    'quarkus.log.category."io.apicurio".level': 'WARN',
  }
  return {
    name: 'registry',
    kind: 'back-end',
    needs: [],
    command: downloads.java.program,
    args: [
      ...quickStartingJvm(heapMegabytes),
      ...Object.entries(properties).map(([name, value]) => `-D${name}=${value}`),
      ...(await classArchiveFlags(context, 'registry', jar)),
      '-jar',
      jar,
    ],
    env,
    cwd: data,
    ...registryService(`http://${loopback}:${ports.registry}${confluentApiPath}`),
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 15_000,
    ports: [ports.registry],
  }
}

/** The program's jar carries the version in its name, which is known in one place only. */
async function runnerJar(folder: string): Promise<string> {
  const name = (await readdir(folder)).find((file) => file.endsWith('-runner.jar'))
  assert(name !== undefined, 'the registry was unpacked without its program')
  return join(folder, name)
}
