import { join } from 'node:path'
import { environment as names } from '@faultline/contracts/environment'
import { loadPath, type LoadProgress, type LoadResult } from '@faultline/ingest/load'
import { requireSupervisor } from '@faultline/stack/control'
import { openHome } from '@faultline/stack/home'
import { defaultPortBase } from '@faultline/stack/layout'
import type { CliContext } from '../context.ts'
import { formatDuration } from '../duration.ts'

const numbers = new Intl.NumberFormat('en')
const redrawMs = 200

/**
 * Loads a file or a folder into the database of DATABASE_URL, or of the running stack. Rejected records do not fail the
 * load; an interruption does, with exit code 1.
 */
export async function load(
  context: CliContext,
  path: string,
  options: { json: boolean; signal: AbortSignal },
): Promise<number> {
  const { terminal, home } = context
  const databaseUrl = await databaseUrlOf(context)
  await openHome(home, defaultPortBase)
  let lastRedraw = 0
  const result = await loadPath({
    path,
    databaseUrl,
    rejectedFolder: join(home, 'rejected'),
    signal: options.signal,
    onProgress: (progress) => {
      if (options.json || Date.now() - lastRedraw < redrawMs) return
      lastRedraw = Date.now()
      terminal.live(describeProgress(progress))
    },
  })
  terminal.print(options.json ? JSON.stringify(result) : describeResult(result))
  return result.interrupted ? 1 : 0
}

async function databaseUrlOf({ env, home }: CliContext): Promise<string> {
  const given = env[names.databaseUrl]
  if (given !== undefined && given !== '') return given
  const { environment } = await requireSupervisor(home).status()
  return environment[names.databaseUrl] ?? ''
}

/** `12,000 rows, 8,000 rows/s, 3 rejected`. */
function describeProgress({ rows, rejected, seconds }: LoadProgress): string {
  const rate = seconds > 0 ? Math.round(rows / seconds) : 0
  return `${numbers.format(rows)} rows, ${numbers.format(rate)} rows/s, ${numbers.format(rejected)} rejected`
}

export function describeResult(result: LoadResult): string {
  const files = `${numbers.format(result.files)} ${result.files === 1 ? 'file' : 'files'}`
  const verb = result.interrupted ? 'Interrupted; loaded' : 'Loaded'
  const lines = [
    `${verb} ${files} in ${formatDuration(result.seconds * 1_000)}: ${describeProgress(result)}`,
  ]
  if (result.rejectedFile !== null) {
    lines.push(`  The rejected records are kept with their reasons in ${result.rejectedFile}`)
  }
  return lines.join('\n')
}
