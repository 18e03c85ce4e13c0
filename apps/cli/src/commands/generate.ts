import { environment as names } from '@faultline/contracts/environment'
import {
  createFleet,
  faultKinds,
  faultShareMax,
  metroHvacChannels,
  registerUnits,
  type FaultKind,
  type Fleet,
} from '@faultline/load-generator/fleet'
import {
  createLoad,
  framesDestination,
  httpDestination,
  generate,
  ndjsonDestination,
  postgresDestination,
  type Destination,
  type GenerateProgress,
  type GenerateResult,
} from '@faultline/load-generator/generate'
import { systemClock } from '@faultline/runtime/clock'
import { FaultlineError } from '@faultline/runtime/errors'
import { connectPostgres, type PostgresConnection } from '@faultline/runtime/postgres'
import { requireSupervisor } from '@faultline/stack/control'
import type { CliContext } from '../context.ts'
import { formatDuration } from '../duration.ts'
import type { GenerateFlags } from './generate-flags.ts'

const numbers = new Intl.NumberFormat('en')
const redrawMs = 200
/** Rows a second on the fleet's own clock where as many are made as are taken: 200 reports of each of 500 units. */
const clockRateAtMax = 100_000

/** Makes a load and writes it to its destination. An interruption is the usual end of a load without one; of another it is exit code 1. */
export async function generateLoad(
  context: CliContext,
  flags: GenerateFlags,
  signal: AbortSignal,
): Promise<number> {
  const fleet = fleetOf(flags)
  const postgres = await postgresOf(context, flags)
  try {
    const destination = await destinationOf(context, { flags, postgres, signal })
    if (postgres !== undefined) await registerUnits(postgres, fleet)
    const result = await run(context, { flags, fleet, destination, signal })
    const text = flags.json
      ? JSON.stringify({ ...result, to: flags.to, seed: flags.seed })
      : describeResult(result)
    // Standard output is the rows' own where they go there.
    if (flags.to === 'ndjson') context.terminal.complain(text)
    else context.terminal.print(text)
    const isBounded = flags.rows !== undefined || flags.duration !== undefined
    return result.interrupted && isBounded ? 1 : 0
  } finally {
    await postgres?.close()
  }
}

interface Run {
  readonly flags: GenerateFlags
  readonly fleet: Fleet
  readonly destination: Destination
  readonly signal: AbortSignal
}

function run({ terminal }: CliContext, { flags, fleet, destination, signal }: Run) {
  const { rate, seed, rows, duration } = flags
  const load = createLoad({
    fleet,
    seed,
    startMs: flags.start ?? systemClock.now(),
    rowsPerSecond: rate === 'max' ? clockRateAtMax : rate,
    lateShare: flags.late,
    badShare: flags.bad,
    defects: destination.defects,
  })
  let lastRedraw = 0
  return generate({
    load,
    destination,
    rate,
    ...(rows === undefined ? {} : { rows }),
    ...(duration === undefined ? {} : { durationMs: duration * 1_000 }),
    clock: systemClock,
    signal,
    onProgress: (progress) => {
      if (flags.json || flags.to === 'ndjson' || Date.now() - lastRedraw < redrawMs) return
      lastRedraw = Date.now()
      terminal.live(describeProgress(progress))
    },
  })
}

function fleetOf({ seed, devices, prefix, channels, faults, faultKinds: only }: GenerateFlags) {
  if (faults > faultShareMax) {
    throw new FaultlineError(
      'ARGUMENT_INVALID',
      `--faults is at most ${faultShareMax.toFixed(2)}`,
      {
        remedy:
          'A fault is repaired within the hour, and the next one is not before the next two hours.',
      },
    )
  }
  const kinds = only === undefined ? faultKinds : only.split(',').map(faultKindOf)
  return createFleet({
    seed,
    units: devices,
    idPrefix: prefix,
    channels,
    faults: { share: faults, kinds },
  })
}

function faultKindOf(text: string): FaultKind {
  const kind = faultKinds.find((known) => known === text.trim())
  if (kind !== undefined) return kind
  throw new FaultlineError(
    'ARGUMENT_INVALID',
    `there is no kind of fault ${JSON.stringify(text)}`,
    {
      remedy: `The kinds are ${faultKinds.join(', ')}.`,
    },
  )
}

async function postgresOf(
  context: CliContext,
  { to, register }: GenerateFlags,
): Promise<PostgresConnection | undefined> {
  if (to !== 'postgres' && !register) return undefined
  const databaseUrl = await addressOf(context, names.databaseUrl)
  return connectPostgres({ databaseUrl, applicationName: 'faultline-generate' })
}

/** An address from the environment, or of the running stack. */
async function addressOf({ env, home }: CliContext, name: string): Promise<string> {
  const given = env[name] ?? ''
  if (given !== '') return given
  return (await requireSupervisor(home).status()).environment[name] ?? ''
}

interface Target {
  readonly flags: GenerateFlags
  readonly postgres: PostgresConnection | undefined
  readonly signal: AbortSignal
}

async function destinationOf(
  context: CliContext,
  { flags, postgres, signal }: Target,
): Promise<Destination> {
  const { to, seed, channels } = flags
  const prefix = `load-${seed}-${systemClock.now()}`
  const folder = /^frames:(.+)$/.exec(to)?.[1]
  if (folder !== undefined) {
    if (channels !== metroHvacChannels) {
      throw new FaultlineError('ARGUMENT_INVALID', `a frame has ${metroHvacChannels} channels`, {
        remedy: 'Leave --channels out, or choose another destination.',
      })
    }
    return framesDestination({ folder, prefix, clock: systemClock })
  }
  if (to === 'http' || /^https?:\/\//.test(to)) {
    const url = to === 'http' ? await addressOf(context, names.apiUrl) : to
    return httpDestination({ url, keyPrefix: prefix, clock: systemClock, signal })
  }
  if (to === 'ndjson') return ndjsonDestination(process.stdout)
  if (to === 'postgres' && postgres !== undefined) return postgresDestination(postgres)
  throw new FaultlineError('ARGUMENT_INVALID', `there is no destination ${JSON.stringify(to)}`, {
    remedy: 'Rows go to postgres, http, http://<api>, frames:<folder> or ndjson.',
  })
}

/** `12,000 rows, 8,000 rows/s, 3 late, 1 bad`. */
function describeProgress({ rows, late, bad, seconds }: GenerateProgress): string {
  const rate = seconds > 0 ? Math.round(rows / seconds) : 0
  const counts = [`${numbers.format(rows)} rows`, `${numbers.format(rate)} rows/s`]
  return [...counts, `${numbers.format(late)} late`, `${numbers.format(bad)} bad`].join(', ')
}

function describeResult(result: GenerateResult): string {
  const verb = result.interrupted ? 'Stopped after' : 'Done in'
  return `${verb} ${formatDuration(result.seconds * 1_000)}: ${describeProgress(result)}`
}
