import { execFile } from 'node:child_process'
import { readdir, realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { FaultlineError } from '@faultline/runtime/errors'

const run = promisify(execFile)

/** Kafka 4 and its Connect worker need this at least. */
const oldestJava = 17

export interface Java {
  /** The `java` program. */
  readonly program: string
  readonly home: string
  readonly major: number
  /** As the JVM tells it, `17.0.15+6-Debian-1deb12u1`. */
  readonly version: string
}

/** The major version out of `java -version` (`openjdk version "17.0.15" …`, `java version "1.8.0_202"`), or undefined. */
export function majorJavaVersion(versionOutput: string): number | undefined {
  const match = /version "(?:1\.)?(?<major>\d+)/.exec(versionOutput)
  return match?.groups === undefined ? undefined : Number(match.groups['major'])
}

/**
 * Finds a Java that is new enough: JAVA_HOME, then the PATH, then JAVA_HOME_* (as CI machines set), then /usr/lib/jvm.
 * @throws FaultlineError TOOL_MISSING
 */
export async function findJava(env: Readonly<Record<string, string | undefined>>): Promise<Java> {
  const tooOld: string[] = []
  for (const program of await candidates(env)) {
    const major = await versionOf(program, env)
    if (major === undefined) continue
    if (major >= oldestJava) {
      const { home, version } = await settingsOf(program, env)
      return { program: join(home, 'bin', 'java'), home, major, version }
    }
    tooOld.push(`${program} is version ${major}`)
  }
  const found = tooOld.length === 0 ? 'no Java was found' : tooOld.join(', ')
  throw new FaultlineError('TOOL_MISSING', `Java ${oldestJava} or newer is needed, but ${found}`, {
    remedy: `Install a JDK (\`apt install openjdk-17-jdk-headless\`, https://adoptium.net) or point JAVA_HOME at one.`,
  })
}

async function candidates(env: Readonly<Record<string, string | undefined>>): Promise<string[]> {
  const named = Object.entries(env)
    .filter(([name, value]) => name.startsWith('JAVA_HOME_') && value !== undefined)
    .map(([, value]) => value ?? '')
  const installed = await readdir('/usr/lib/jvm').catch(() => [])
  const homes = [...named, ...installed.toSorted().map((name) => join('/usr/lib/jvm', name))]
  const chosen = env['JAVA_HOME']
  return [
    ...(chosen === undefined || chosen === '' ? [] : [join(chosen, 'bin', 'java')]),
    'java',
    ...homes.map((home) => join(home, 'bin', 'java')),
  ]
}

async function versionOf(
  program: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<number | undefined> {
  try {
    const { stderr, stdout } = await run(program, ['-version'], { env })
    return majorJavaVersion(stderr + stdout)
  } catch {
    // Not there, or not a Java that runs: the next candidate may be.
    return undefined
  }
}

async function settingsOf(
  program: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<{ home: string; version: string }> {
  const { stderr } = await run(program, ['-XshowSettings:properties', '-version'], { env })
  const setting = (name: string) =>
    stderr
      .split('\n')
      .find((line) => line.trim().startsWith(`${name} = `))
      ?.split(' = ')[1]
      ?.trim()
  return {
    home: setting('java.home') ?? dirname(dirname(await realpath(program))),
    version: setting('java.runtime.version') ?? 'unknown',
  }
}
