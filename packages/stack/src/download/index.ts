import { createHash } from 'node:crypto'
import { chmod, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import {
  connectPluginArtefact,
  kafkaArtefact,
  redisArtefact,
  registryArtefact,
  type Artefact,
} from './artefacts.ts'
import { isComplete, makeFolder } from './cache.ts'
import { isBroughtByWorker } from './conflicting-jars.ts'
import { findJava, type Java } from './java.ts'
import { runMaven } from './maven.ts'
import { embeddedRedisBinary, hasRedisServer } from './redis-server.ts'
import { storedZip } from './stored-zip.ts'

/** Where the downloaded programs are. */
export interface Downloads {
  /** The cache folder itself. */
  readonly cache: string
  readonly java: Java
  /** Folder of jars: broker, Connect worker, their log binding. */
  readonly kafkaJars: string
  /** `plugin.path` of Connect: the parent of the connector's folder. */
  readonly connectPlugins: string
  readonly registryFolder: string
  /** The `redis-server` program: a path, or the name when the PATH has a good one. */
  readonly redisServer: string
}

export interface DownloadProgress {
  readonly item: string
  readonly doneBytes?: number
  /** An estimate, since Maven does not know the sum beforehand. */
  readonly totalBytes?: number
  readonly message: string
}

export interface DownloadRequest {
  readonly cache: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly onProgress: (event: DownloadProgress) => void
  readonly signal?: AbortSignal
}

/** The cache folder: FAULTLINE_CACHE, or `faultline` under the user's cache folder. */
export function cacheFolder(env: Readonly<Record<string, string | undefined>>): string {
  const chosen = env['FAULTLINE_CACHE']
  return chosen === undefined || chosen === '' ? join(homedir(), '.cache', 'faultline') : chosen
}

/**
 * Makes sure that every program of the embedded back ends is on this machine. With a warm cache it only looks.
 * @throws FaultlineError TOOL_MISSING (Java, Maven), DOWNLOAD_FAILED, DISK_FULL
 */
export async function fetchDownloads(request: DownloadRequest): Promise<Downloads> {
  const java = await findJava(request.env)
  const kafkaJars = await ensure({ ...request, java, artefact: kafkaArtefact })
  const plugin = await ensure({ ...request, java, artefact: connectPluginArtefact }, adaptPlugin)
  const registryFolder = await ensure({ ...request, java, artefact: registryArtefact })
  const redisServer = await ensureRedis({ ...request, java })
  const { cache } = request
  return { cache, java, kafkaJars, connectPlugins: plugin, registryFolder, redisServer }
}

async function ensureRedis(request: DownloadRequest & { readonly java: Java }): Promise<string> {
  if (await hasRedisServer(request.env)) return 'redis-server'
  const binary = embeddedRedisBinary(process.platform, process.arch)
  const folder = await ensure({ ...request, artefact: redisArtefact(binary) }, (content) =>
    chmod(join(content, binary), 0o755),
  )
  return join(folder, binary)
}

async function ensure(
  request: DownloadRequest & { readonly java: Java; readonly artefact: Artefact },
  adapt: (content: string) => Promise<void> = () => Promise.resolve(),
): Promise<string> {
  const { artefact, cache, java, env, signal } = request
  const item = `${artefact.name} ${artefact.version}`
  // The digest covers what a version does not say: the list of dependencies and what is taken out of them.
  const digest = createHash('sha256').update(JSON.stringify(artefact)).digest('hex').slice(0, 8)
  const name = `${artefact.name}-${artefact.version}-${digest}`
  const folder = join(cache, name)
  if (await isComplete(folder)) return folder
  const totalBytes = artefact.downloadBytes
  request.onProgress({ item, doneBytes: 0, totalBytes, message: `fetching ${item}` })
  await makeFolder({ cache, name, diskBytes: artefact.diskBytes }, async (partial) => {
    const content = await runMaven({
      artefact,
      folder: partial,
      javaHome: java.home,
      env,
      onBytes: (bytes, file) => {
        const doneBytes = Math.min(bytes, totalBytes)
        request.onProgress({ item, doneBytes, totalBytes, message: file })
      },
      ...(signal === undefined ? {} : { signal }),
    })
    await adapt(content)
    return content
  })
  request.onProgress({ item, doneBytes: totalBytes, totalBytes, message: `${item} is ready` })
  return folder
}

const converterServices = {
  path: 'META-INF/services/org.apache.kafka.connect.storage.Converter',
  content: Buffer.from('io.apicurio.registry.utils.converter.AvroConverter\n'),
}

/**
 * Makes the plugin folder fit Connect: one sub-folder, which is one class loader; without the worker's own jars; and with
 * the service file that the Apicurio converter lacks, so that `plugin.discovery=service_load` finds it (3 s to start
 * instead of 13 s by scanning).
 */
async function adaptPlugin(content: string): Promise<void> {
  const jars = await readdir(content)
  const plugin = join(content, 'debezium-postgres')
  await mkdir(plugin)
  for (const jar of jars) {
    if (isBroughtByWorker(jar)) await rm(join(content, jar))
    else await rename(join(content, jar), join(plugin, jar))
  }
  await writeFile(join(plugin, 'apicurio-converter-services.jar'), storedZip([converterServices]))
}
