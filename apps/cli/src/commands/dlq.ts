import type { Command } from 'commander'
import { runAppTool } from '../app-tool.ts'
import type { CliContext } from '../context.ts'

const examples = `Examples
  faultline dlq list                             what was refused and is not decided yet
  faultline dlq list --reason CLOCK_INVALID --json
  faultline dlq show 3:17                        everything about one, its bytes included
  faultline dlq replay --reason UNKNOWN_SCHEMA   take in again what is readable now; asks first
  faultline dlq replay 3:17 3:18 --yes
  faultline dlq discard --all --dry-run
`

/** Adds `faultline dlq` with its commands; the enricher's tool does the work. */
export function addDlq(
  program: Command,
  context: CliContext,
  done: (exitCode: number) => void,
): void {
  const run = async (request: Record<string, unknown>): Promise<void> => {
    done(await runAppTool(context, { app: 'enricher', tool: 'dlq' }, [JSON.stringify(request)]))
  }
  const dlq = program
    .command('dlq')
    .description('dead letters: what the enricher refused, with its bytes')
    .addHelpText('before', examples)
  filtered(dlq.command('list').description('list letters, and count them by reason'))
    .addHelpText(
      'before',
      'Examples\n  faultline dlq list\n  faultline dlq list --device AC-0042 --since 2026-01-31\n',
    )
    .option('--all', 'those that were replayed or discarded, too', false)
    .action((options: Record<string, unknown>) => run({ verb: 'list', ...options }))
  dlq
    .command('show <id...>')
    .description('print letters with their reason, position, attempts and bytes')
    .addHelpText('before', 'Examples\n  faultline dlq show 3:17\n')
    .option('--json', 'one line, for programs', false)
    .action((ids: string[], options: Record<string, unknown>) =>
      run({ verb: 'show', ids, ...options }),
    )
  for (const [verb, description] of [
    ['replay', 'write letters to the raw topic again, each once, in their original order'],
    ['discard', 'mark letters as done with; their bytes stay in the topic'],
  ] as const) {
    filtered(dlq.command(`${verb} [id...]`).description(description))
      .addHelpText(
        'before',
        `Examples\n  faultline dlq ${verb} 3:17\n  faultline dlq ${verb} --reason ROW_INVALID --dry-run\n`,
      )
      .option('--all', 'all that are not decided yet', false)
      .option('--dry-run', 'only say which', false)
      .option('--yes', 'do not ask', false)
      .action((ids: string[], options: Record<string, unknown>) => run({ verb, ids, ...options }))
  }
}

function filtered(command: Command): Command {
  return command
    .option('--reason <reason>', 'only those refused for this reason')
    .option('--device <id>', 'only those of this device')
    .option('--since <time>', 'only those refused since this time')
    .option('--limit <n>', 'at most so many')
    .option('--json', 'for programs', false)
}
