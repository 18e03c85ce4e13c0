import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

export interface CampaignOptions {
  readonly minutes: number
  readonly seed: number
  readonly portBase: number
  readonly rowsPerSecond: number
  /** Names of fault kinds; null: all of them. */
  readonly only: readonly string[] | null
  /** What limits of time are multiplied by, for machines that have other work. */
  readonly patience: number
  /** A few cheap kinds once each, for every change. */
  readonly isSlice: boolean
  readonly reportFolder: string
}

export const usage = `Examples
  npm run campaign                                   one hour
  npm run campaign -- --minutes 10 --seed 7          the same faults in the same order as any run with seed 7
  npm run campaign -- --only kill-enricher,zombie-enricher --minutes 3
  npm run campaign -- --only rebalance-storm --minutes 3
  npm run campaign -- --slice                        what every change has to pass, under four minutes
  npm run campaign -- --hours 8

Options
  --minutes N      how long faults are injected (60)
  --hours N        the same in hours
  --seed N         what chance starts from; printed when it is not given
  --only A,B       these fault kinds only; --list names them
  --rows N         rows a second on average (170)
  --patience N     multiplies every limit of time, for machines that are busy with other things (1; 4 in the slice)
  --port-base N    first port of the stack (20900)
  --out FOLDER     where the report goes (a folder of the system's temporary files)
  --list           the fault kinds
Exit code: 0 no violation, 3 a violation, 2 wrong usage, 1 the campaign itself failed.
`

const numbers = ['minutes', 'hours', 'seed', 'rows', 'patience', 'port-base'] as const

/** @throws Error with one sentence about what is wrong */
export function parseOptions(args: readonly string[]): CampaignOptions | 'help' | 'list' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...Object.fromEntries(numbers.map((name) => [name, { type: 'string' as const }])),
      only: { type: 'string' },
      out: { type: 'string' },
      slice: { type: 'boolean' },
      list: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  }) as { values: Readonly<Record<string, string | boolean | undefined>> }
  if (values['help'] === true) return 'help'
  if (values['list'] === true) return 'list'
  const number = (name: (typeof numbers)[number], otherwise: number): number => {
    const text = values[name]
    if (text === undefined) return otherwise
    const value = Number(text)
    if (!(value > 0)) throw new Error(`--${name} is to be a number above 0, not ${String(text)}`)
    return value
  }
  const { only, out } = values
  return {
    minutes: 'hours' in values ? number('hours', 1) * 60 : number('minutes', 60),
    seed: number('seed', 1 + (Date.now() % 1_000_000)),
    portBase: number('port-base', 20_900),
    rowsPerSecond: number('rows', 170),
    patience: number('patience', values['slice'] === true ? 4 : 1),
    only: typeof only === 'string' ? only.split(',') : null,
    isSlice: values['slice'] === true,
    reportFolder: typeof out === 'string' ? out : join(tmpdir(), 'faultline-campaign'),
  }
}
