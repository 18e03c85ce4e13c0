import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { checkEnvironmentNames } from './known-environment.ts'
import { createContext, type CliContext } from './context.ts'
import { complainAbout, exitCodeOf } from './exit-codes.ts'
import { interrupted } from './interrupts.ts'
import { runAppTool } from './app-tool.ts'
import { addDlq } from './commands/dlq.ts'
import { addGenerate } from './commands/generate-options.ts'
import { addReplay } from './commands/replay.ts'

const examples = `Examples
  faultline up                              start everything, with a demo fleet; Ctrl-C stops it in order
  faultline up --detach                     the same in the background, back when it is ready
  faultline up --no-demo --port-base 17400  no demo fleet, other ports
  faultline load measurements.csv           load a file or a folder of measurements
  faultline generate --rate 100             make measurements, 100 rows a second
  eval "$(faultline env)"                   addresses for psql, redis-cli and your own programs
  faultline logs enricher --follow          what one process writes
  faultline dlq list                        what was refused, and why
  faultline replay earliest                 enrich everything again and compare
  faultline down                            stop everything, keep the data
`

/** Runs the command line and resolves to the exit code: 0 done, 1 failed, 2 not understood. */
export async function run(process: NodeJS.Process): Promise<number> {
  const context = createContext(process)
  let exitCode = 0
  const program = createProgram(context, (code) => {
    exitCode = code
  })
  try {
    checkEnvironmentNames(context.env)
    await program.parseAsync(process.argv)
    return exitCode
  } catch (error) {
    // Commander has printed its complaint already; `-h` also comes this way, with code 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    complainAbout(context.terminal, error)
    return exitCodeOf(error)
  }
}

/** The command line's grammar. Commands are imported when they are used: their clients cost more than the first output may. */
export function createProgram(context: CliContext, done: (exitCode: number) => void): Command {
  const program = new Command('faultline')
    .description('Ranks the faults of device fleets in real time.')
    .addHelpText('before', examples)
    .showHelpAfterError('(`faultline --help` shows examples)')
    .showSuggestionAfterError()
    .exitOverride()
  addUp(program, context, done)
  addInspection(program, context, done)
  addLoad(program, context, done)
  addGenerate(program, context, done)
  addVerify(program, context, done)
  addRebuild(program, context, done)
  addDlq(program, context, done)
  addReplay(program, context, done)
  addSlot(program, context, done)
  return program
}

const portBaseOption = () =>
  new Option(
    '--port-base <n>',
    'first of the ports used; the last one used on this home, or 7400',
  ).argParser(parsePortBase)

function addUp(program: Command, context: CliContext, done: (code: number) => void): void {
  program
    .command('up')
    .description('start the back ends and the applications, and supervise them')
    .addHelpText(
      'before',
      'Examples\n  faultline up\n  faultline up --detach --no-demo\n  FAULTLINE_HOME=/var/tmp/second faultline up --port-base 17400\n',
    )
    .option('--detach', 'go on in the background, return when everything is ready', false)
    .option('--fresh', 'stop a running stack, delete its data, start anew', false)
    .option('--no-demo', 'without the demo fleet')
    .addOption(portBaseOption())
    .addOption(new Option('--background').default(false).hideHelp())
    .action(async (options: UpFlags) => {
      if (!options.background) {
        context.terminal.print(
          `Faultline starts on ${context.home}; ${options.detach ? '`faultline down`' : 'Ctrl-C'} stops it.`,
        )
      }
      const { up } = await import('./commands/up.ts')
      done(await up(context, options))
    })
  program
    .command('down')
    .description('stop everything in order; the data is kept')
    .addHelpText(
      'before',
      'Examples\n  faultline down\n  FAULTLINE_HOME=/var/tmp/second faultline down\n',
    )
    .action(async () => {
      const { down } = await import('./commands/down.ts')
      done(await down(context))
    })
}

interface UpFlags {
  readonly detach: boolean
  readonly fresh: boolean
  readonly demo: boolean
  readonly background: boolean
  readonly portBase?: number
}

function addInspection(program: Command, context: CliContext, done: (code: number) => void): void {
  program
    .command('status')
    .description('what runs, how often it was restarted, and why something does not run')
    .addHelpText('before', 'Examples\n  faultline status\n  faultline status --json\n')
    .option('--json', 'for programs', false)
    .action(async (options: { json: boolean }) => {
      const { status } = await import('./commands/status.ts')
      done(await status(context, options))
    })
  program
    .command('env')
    .description('print export lines with the addresses of the back ends')
    .addHelpText('before', 'Examples\n  eval "$(faultline env)" && psql "$DATABASE_URL"\n')
    .addOption(portBaseOption())
    .action(async ({ portBase }: { portBase?: number }) => {
      const { printEnvironment } = await import('./commands/env.ts')
      done(await printEnvironment(context, { portBase }))
    })
  program
    .command('logs [app]')
    .description('the end of the logs of all processes, or of one')
    .addHelpText(
      'before',
      'Examples\n  faultline logs\n  faultline logs enricher --follow\n  faultline logs supervisor\n',
    )
    .option('-f, --follow', 'go on with what is added, until Ctrl-C', false)
    .action(async (app: string | undefined, { follow }: { follow: boolean }) => {
      const { logs } = await import('./commands/logs.ts')
      done(await logs(context, app, { follow, signal: interrupted() }))
    })
  program
    .command('restart <name>')
    .description('restart one process of the running stack')
    .addHelpText('before', 'Examples\n  faultline restart api\n')
    .action(async (name: string) => {
      const { restart } = await import('./commands/restart.ts')
      done(await restart(context, name))
    })
}

function addLoad(program: Command, context: CliContext, done: (code: number) => void): void {
  program
    .command('load <path>')
    .description('load measurements: frame files, CSV with a header, or a known public data set')
    .addHelpText(
      'before',
      'Examples\n  faultline load frames/\n  faultline load measurements.csv --json\n',
    )
    .addHelpText(
      'after',
      '\nWhat is loaded again is stored once: a file is known by its contents for a year, and a load that was\n' +
        'interrupted goes on where it was.\n',
    )
    .option('--json', 'print the result for programs', false)
    .action(async (path: string, options: { json: boolean }) => {
      const { load } = await import('./commands/load.ts')
      done(await load(context, path, { ...options, signal: interrupted() }))
    })
}

function addRebuild(program: Command, context: CliContext, done: (code: number) => void): void {
  program
    .command('rebuild')
    .description('build a store anew from what is before it in the chain')
    .addHelpText('before', 'Examples\n  faultline rebuild redis\n')
    .command('redis')
    .description('build Redis anew from the enriched topic, verify it, and let it serve')
    .addHelpText(
      'before',
      'Examples\n  faultline rebuild redis\n  faultline rebuild redis --rollback\n  faultline rebuild redis --discard\n',
    )
    .option('--yes', 'also where memory may not suffice for two generations', false)
    .option('--new-half-life', 'also with another half-life than the live generation has', false)
    .option('--json', 'print the result for programs', false)
    .option('--rollback', 'let the generation that served before serve again', false)
    .option('--discard', 'free the memory of the generation that does not serve', false)
    .action(async (options: Readonly<Record<string, boolean>>) => {
      const chosen = Object.keys(options).filter((name) => options[name] === true)
      const tool = { app: 'redis-consumer', tool: 'rebuild' }
      done(
        await runAppTool(
          context,
          tool,
          chosen.map(
            (name) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
          ),
        ),
      )
    })
}

function addSlot(program: Command, context: CliContext, done: (code: number) => void): void {
  const run = async (command: string, { json }: { readonly json: boolean }) => {
    const args = [command, ...(json ? ['--json'] : [])]
    done(await runAppTool(context, { app: 'enricher', tool: 'slot' }, args))
  }
  const slot = program
    .command('slot')
    .description('the replication slot that capture reads from')
    .addHelpText(
      'before',
      'Examples\n  faultline slot status\n  faultline slot status --json\n  faultline slot recover\n',
    )
  slot
    .command('status', { isDefault: true })
    .description(
      'whether it exists, is read, and how much log it holds; exit code 1 where it is lost',
    )
    .addHelpText('before', 'Examples\n  faultline slot status\n  faultline slot status --json\n')
    .option('--json', 'for programs', false)
    .action((options: { json: boolean }) => run('status', options))
  slot
    .command('recover')
    .description('make a lost slot anew, and capture what was committed meanwhile; safe to repeat')
    .addHelpText('before', 'Examples\n  faultline slot recover\n  faultline slot recover --json\n')
    .option('--json', 'print the result for programs', false)
    .action((options: { json: boolean }) => run('recover', options))
}

function addVerify(program: Command, context: CliContext, done: (code: number) => void): void {
  program
    .command('verify')
    .description('hold Redis and ClickHouse against the enriched topic; exit 0 equal, 3 differs')
    .addHelpText('before', 'Examples\n  faultline verify\n  faultline verify --json\n')
    .option('--json', 'print the report for programs', false)
    .action(async ({ json }: { json: boolean }) => {
      const tool = { app: 'auditor', tool: 'verify' }
      done(await runAppTool(context, tool, json ? ['--json'] : []))
    })
}

/** The stack uses up to 20 ports above the base. */
export function parsePortBase(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > 65_500) {
    throw new InvalidArgumentError('A whole number from 1 to 65500 is expected.')
  }
  return port
}
