import { writeFile } from 'node:fs/promises'

/**
 * Flags that make a small JVM start fast: the first compiler tier alone reaches its speed at once, and the serial collector
 * needs no threads of its own.
 */
const quickStart = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto']

export function quickStartingJvm(heapMegabytes: number): string[] {
  return [...steadyJvm(heapMegabytes).filter((flag) => flag.startsWith('-Xmx')), ...quickStart]
}

/** For the processes that carry load: both compiler tiers. A heap that is full ends the process, which is then restarted. */
export function steadyJvm(heapMegabytes: number): string[] {
  return [`-Xmx${heapMegabytes}m`, '-XX:+UseSerialGC', '-XX:+ExitOnOutOfMemoryError']
}

/** `slf4j-simple`: warnings and worse on stderr, with the time. */
export const logToStderr = [
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
  '-Dorg.slf4j.simpleLogger.showDateTime=true',
  "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
]

/** Writes a `.properties` file. Back slashes are its escape sign; no value here holds a line end. */
export async function writeProperties(
  path: string,
  properties: Readonly<Record<string, string>>,
): Promise<void> {
  const lines = Object.entries(properties).map(
    ([name, value]) => `${name}=${value.replaceAll('\\', '\\\\')}\n`,
  )
  await writeFile(path, lines.join(''))
}
