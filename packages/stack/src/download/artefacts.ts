import type { PomDependency } from './pom.ts'

/** One thing that Maven fetches into the cache folder. Versions are pinned here and nowhere else. */
export interface Artefact {
  readonly name: 'kafka' | 'connect-plugin' | 'registry' | 'redis'
  /** Part of the cache folder's name: a new version is a new folder. */
  readonly version: string
  readonly dependencies: readonly PomDependency[]
  /** `copy`: the jars themselves; `unpack`: what is inside them. */
  readonly goal: 'copy' | 'unpack'
  /** What is taken out of an archive, comma-separated patterns; all of it when absent. */
  readonly unpackIncludes?: string
  /** About what is fetched when Maven's own cache is empty, for the progress display. */
  readonly downloadBytes: number
  /** Disk needed in the cache folder and in Maven's own together. */
  readonly diskBytes: number
}

const kafkaVersion = '4.3.1'
const debeziumVersion = '3.7.0.Final'
const apicurioVersion = '2.6.13.Final'
const embeddedRedisVersion = '1.4.4'
const megabyte = 1_000_000

/** Broker and Connect worker share one class path: Connect's runtime brings the broker's client jars anyway. */
export const kafkaArtefact: Artefact = {
  name: 'kafka',
  version: kafkaVersion,
  goal: 'copy',
  dependencies: [
    { group: 'org.apache.kafka', name: 'kafka_2.13', version: kafkaVersion },
    { group: 'org.apache.kafka', name: 'connect-runtime', version: kafkaVersion },
    { group: 'org.apache.kafka', name: 'connect-json', version: kafkaVersion },
    { group: 'org.slf4j', name: 'slf4j-simple', version: '1.7.36' },
  ],
  downloadBytes: 57 * megabyte,
  diskBytes: 150 * megabyte,
}

/** Converter 2.6: the parent POM of the 3.x converter is missing from Maven Central. */
export const connectPluginArtefact: Artefact = {
  name: 'connect-plugin',
  version: `${debeziumVersion}-${apicurioVersion}`,
  goal: 'copy',
  dependencies: [
    { group: 'io.debezium', name: 'debezium-connector-postgres', version: debeziumVersion },
    { group: 'io.apicurio', name: 'apicurio-registry-utils-converter', version: apicurioVersion },
  ],
  downloadBytes: 33 * megabyte,
  diskBytes: 80 * megabyte,
}

/** The registry in the converter's own version: unlike 3.x it also runs on JDK 17 (docs/decisions/0006). */
export const registryArtefact: Artefact = {
  name: 'registry',
  version: apicurioVersion,
  goal: 'unpack',
  dependencies: [
    {
      group: 'io.apicurio',
      name: 'apicurio-registry-app',
      version: apicurioVersion,
      type: 'tar.gz',
      classifier: 'all',
    },
  ],
  downloadBytes: 143 * megabyte,
  diskBytes: 320 * megabyte,
}

/** A jar that carries redis-server binaries; only the one of this machine is unpacked. */
export function redisArtefact(binary: string): Artefact {
  return {
    name: 'redis',
    version: `${embeddedRedisVersion}-${binary}`,
    goal: 'unpack',
    unpackIncludes: binary,
    dependencies: [
      { group: 'com.github.codemonstur', name: 'embedded-redis', version: embeddedRedisVersion },
    ],
    downloadBytes: 13 * megabyte,
    diskBytes: 40 * megabyte,
  }
}
