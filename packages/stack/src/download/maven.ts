import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { FaultlineError, systemCode } from '@faultline/runtime/errors'
import type { Artefact } from './artefacts.ts'
import { readMavenLine } from './maven-output.ts'
import { pomOf } from './pom.ts'

const maven = 'mvn'
const dependencyPlugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1'

export interface MavenRun {
  readonly artefact: Artefact
  /** Receives the pom and, in `content`, what was asked for. */
  readonly folder: string
  /** The JDK that Maven itself runs on. */
  readonly javaHome: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly onBytes: (doneBytes: number, file: string) => void
  readonly signal?: AbortSignal
}

/**
 * Fetches an artefact through Maven, which keeps its own cache, mirrors and proxies, and checks each file's checksum.
 * @returns the folder with the content
 * @throws FaultlineError TOOL_MISSING without Maven, DOWNLOAD_FAILED with the first line of Maven's complaint
 */
export async function runMaven(run: MavenRun): Promise<string> {
  const pom = join(run.folder, 'pom.xml')
  const content = join(run.folder, 'content')
  await writeFile(pom, pomOf(run.artefact.dependencies, run.artefact.goal === 'unpack'))
  const child = spawn(maven, mavenArguments(run.artefact, pom, content), {
    cwd: run.folder,
    env: { ...run.env, JAVA_HOME: run.javaHome },
    stdio: ['ignore', 'pipe', 'ignore'],
    ...(run.signal === undefined ? {} : { signal: run.signal }),
  })
  const firstError = followOutput(child.stdout, run.onBytes)
  let exitCode: unknown
  try {
    ;[exitCode] = (await once(child, 'close')) as unknown[]
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
    throw new FaultlineError('TOOL_MISSING', 'Maven (mvn) is not on the PATH', {
      remedy:
        'Install Maven 3.6 or newer, for example `apt install maven` or `brew install maven`.',
      cause: error,
    })
  }
  if (exitCode === 0) return content
  throw new FaultlineError(
    'DOWNLOAD_FAILED',
    `Maven could not fetch ${run.artefact.name} ${run.artefact.version}: ${firstError() ?? 'no message'}`,
    {
      remedy:
        'Check the network and the mirrors in ~/.m2/settings.xml, then run the command again.',
    },
  )
}

function mavenArguments(artefact: Artefact, pom: string, content: string): string[] {
  return [
    '--file',
    pom,
    '--strict-checksums',
    '-Dstyle.color=never',
    `${dependencyPlugin}:${artefact.goal}-dependencies`,
    '-DincludeScope=runtime',
    `-DoutputDirectory=${content}`,
    ...(artefact.unpackIncludes === undefined
      ? []
      : [`-Dmdep.unpack.includes=${artefact.unpackIncludes}`]),
  ]
}

/** Adds up what was downloaded; the returned function gives Maven's first error line. */
function followOutput(
  output: NodeJS.ReadableStream,
  onBytes: MavenRun['onBytes'],
): () => string | undefined {
  let finishedBytes = 0
  let file = ''
  let firstError: string | undefined
  // readline also ends a line at a carriage return, which is how Maven redraws its progress.
  createInterface({ input: output }).on('line', (line) => {
    const read = readMavenLine(line)
    if (read.kind === 'error') firstError ??= read.text
    if (read.kind === 'progress') onBytes(finishedBytes + read.bytes, file)
    if (read.kind === 'downloaded') {
      finishedBytes += read.bytes
      file = read.file
      onBytes(finishedBytes, file)
    }
  })
  return () => firstError
}
