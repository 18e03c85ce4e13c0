import { createReadStream, existsSync, readdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { join } from 'node:path'

export interface LogFindings {
  /** Lines in which a writer says that it was refused because a newer owner exists. */
  readonly fenced: number
  /** Fatal lines of an error that has no code: nobody foresaw it. */
  readonly unforeseen: readonly string[]
}

const fencedCodes = /\b(PRODUCER_FENCED|SERVING_STORE_FENCED)\b/
const lineMax = 600

/** Reads the logs of the product's applications. */
export async function readLogs(folder: string): Promise<LogFindings> {
  let fenced = 0
  const unforeseen: string[] = []
  if (!existsSync(folder)) return { fenced, unforeseen }
  for (const file of readdirSync(folder)) {
    for await (const line of createInterface({ input: createReadStream(join(folder, file)) })) {
      if (fencedCodes.test(line)) fenced += 1
      if (line.startsWith('{"level":60') && !hasCode(line)) {
        unforeseen.push(`${file}: ${line.slice(0, lineMax)}`)
      } else if (/UnhandledPromiseRejection|ERR_UNHANDLED_REJECTION/.test(line)) {
        unforeseen.push(`${file}: ${line.slice(0, lineMax)}`)
      }
    }
  }
  return { fenced, unforeseen }
}

function hasCode(line: string): boolean {
  try {
    const { err } = JSON.parse(line) as { err?: { code?: unknown; type?: unknown } }
    return err?.type === 'FaultlineError'
  } catch {
    return false
  }
}
