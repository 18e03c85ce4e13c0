import { InvalidArgumentError, Option, type Command } from 'commander'
import type { CliContext } from '../context.ts'
import { interrupted } from '../interrupts.ts'
import type { GenerateFlags } from './generate-flags.ts'

const examples = `Examples
  faultline generate --rate 100                                    100 rows/s into the running stack, until Ctrl-C
  faultline generate --rate max --rows 1000000 --json              as fast as PostgreSQL takes them
  faultline generate --to frames:inbox --rate 50000 --duration 60  frame files
  faultline generate --to ndjson --rows 10 --seed 7 --start 2026-01-31T12:00:00Z
  faultline generate --faults 0.2 --late 0.05 --bad 0.01           many faults, late rows, rows to be refused
`

/** Adds `faultline generate`. */
export function addGenerate(
  program: Command,
  context: CliContext,
  done: (exitCode: number) => void,
): void {
  program
    .command('generate')
    .description('make measurements of a fleet of HVAC units; the same options give the same rows')
    .addHelpText('before', examples)
    .option(
      '--to <destination>',
      'postgres, http, http://<api>, frames:<folder> or ndjson (standard output)',
      'postgres',
    )
    .addOption(
      new Option('--rate <rows/s>', 'rows a second, or max')
        .default(25)
        .argParser((text) => (text === 'max' ? text : parseNumber(text, 0.01, 10_000_000))),
    )
    .option('--devices <n>', 'units that take turns', wholeFrom(1, 1_000_000), 500)
    .option('--channels <n>', 'readings a row', wholeFrom(7, 10_000), 100)
    .option('--prefix <text>', 'what the device ids begin with', 'GEN')
    .option('--faults <share>', 'share of the units that are faulty at any moment', share, 0.03)
    .option('--fault-kinds <names>', 'only these, with commas between them')
    .option('--late <share>', 'share of rows measured up to two hours before', share, 0)
    .option('--bad <share>', 'share of rows that have to be refused', share, 0)
    .option(
      '--seed <n>',
      'other rows for another number',
      wholeFrom(-2_147_483_648, 2_147_483_647),
      1,
    )
    .option('--start <time>', 'measured time of the first row; now', parseTime)
    .option('--rows <n>', 'end after so many', wholeFrom(1, Number.MAX_SAFE_INTEGER))
    .option('--duration <seconds>', 'end after so long', (text) => parseNumber(text, 0.1, 1e9))
    .option(
      '--register',
      'enter the units in device_catalog also where the rows go elsewhere',
      false,
    )
    .option('--json', 'print the result for programs', false)
    .action(async (flags: GenerateFlags) => {
      const { generateLoad } = await import('./generate.ts')
      done(await generateLoad(context, flags, interrupted()))
    })
}

function parseNumber(text: string, min: number, max: number): number {
  const number = text.trim() === '' ? Number.NaN : Number(text)
  if (!(number >= min && number <= max)) {
    throw new InvalidArgumentError(`A number from ${min} to ${max} is expected.`)
  }
  return number
}

const share = (text: string): number => parseNumber(text, 0, 1)

const wholeFrom =
  (min: number, max: number) =>
  (text: string): number => {
    const number = parseNumber(text, min, max)
    if (!Number.isInteger(number)) throw new InvalidArgumentError('A whole number is expected.')
    return number
  }

function parseTime(text: string): number {
  const time = /^\d+$/.test(text) ? Number(text) : Date.parse(text)
  if (Number.isNaN(time)) {
    throw new InvalidArgumentError('A time such as 2026-01-31T12:00:00Z, or epoch ms, is expected.')
  }
  return time
}
