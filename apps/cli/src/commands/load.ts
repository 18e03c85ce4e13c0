import { environment as names } from '@faultline/contracts/environment'
import { loadPath, type LoadProgress, type LoadResult } from '@faultline/ingest/load'
import { defaultBatch } from '@faultline/ingest/measurements'
import { requireSupervisor } from '@faultline/stack/control'
import { isFaultlineError, messageOf } from '@faultline/runtime/errors'
import { openHome } from '@faultline/stack/home'
import { defaultPortBase, stackFolders } from '@faultline/stack/layout'
import type { CliContext } from '../context.ts'
import { formatDuration } from '../duration.ts'
import type { Terminal } from '../terminal.ts'

const numbers = new Intl.NumberFormat('en')
const redrawMs = 200

/**
 * Loads a file or a folder into the database of DATABASE_URL, or of the running stack. Rejected records do not fail the
 * load; an interruption does, with exit code 1. Where it fails midway, what was loaded until then is printed before the error.
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
  let reached: LoadProgress | undefined
  try {
    const result = await loadPath({
      path,
      databaseUrl,
      rejectedFolder: stackFolders(home).rejected,
      signal: options.signal,
      onProgress: (progress) => {
        reached = progress
        if (options.json || Date.now() - lastRedraw < redrawMs) return
        lastRedraw = Date.now()
        terminal.live(describeProgress(progress))
      },
    })
    terminal.print(options.json ? JSON.stringify(result) : describeResult(result))
    return result.interrupted ? 1 : 0
  } catch (error) {
    reportFailure(terminal, { error, reached, json: options.json })
    throw error
  }
}

const nothing: LoadProgress = { rows: 0, rejected: 0, rejectedFile: null, seconds: 0 }

/** Says how far a load came that failed; the error itself is for whoever catches it. For programs both are one JSON line. */
export function reportFailure(
  terminal: Terminal,
  failure: { error: unknown; reached: LoadProgress | undefined; json: boolean },
): void {
  const { error, reached, json } = failure
  if (json) {
    const known = isFaultlineError(error) ? error : undefined
    const reason = {
      code: known?.code ?? null,
      message: messageOf(error),
      remedy: known?.remedy ?? null,
    }
    terminal.print(JSON.stringify({ ...(reached ?? nothing), failure: reason }))
    return
  }
  // Before the first record was read there is nothing to tell but the error.
  if (reached === undefined) return
  const unsure = isFaultlineError(error, 'DATABASE_UNAVAILABLE')
    ? ` Up to ${numbers.format(defaultBatch.batchRows)} more may be: the answer to the last batch is lost.`
    : ''
  terminal.complain(
    `The load failed after ${formatDuration(reached.seconds * 1_000)}: ` +
      `${numbers.format(reached.rows)} rows are committed, ${numbers.format(reached.rejected)} were rejected.${unsure}`,
  )
  for (const line of rejectedLines(reached)) terminal.complain(line)
  terminal.complain('  Load the same again: it goes on where it was, and stores nothing twice.')
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
  const summary = `${verb} ${files} in ${formatDuration(result.seconds * 1_000)}: ${describeProgress(result)}`
  return [summary, ...knownLines(result), ...rejectedLines(result)].join('\n')
}

function knownLines({ known, files }: LoadResult): readonly string[] {
  if (known === 0) return []
  const which = known === files ? 'All of it' : `${numbers.format(known)} of the files`
  return [`  ${which} had been loaded before, and was not stored again`]
}

function rejectedLines({ rejectedFile }: LoadProgress): readonly string[] {
  if (rejectedFile === null) return []
  return [`  The rejected records are kept with their reasons in ${rejectedFile}`]
}
