import type { Command } from 'commander'
import { runAppTool } from '../app-tool.ts'
import type { CliContext } from '../context.ts'

const examples = `Examples
  faultline replay earliest                        enrich everything again and compare; writes nothing
  faultline replay 2026-01-31T12:00:00Z --json
  faultline replay 0:1200,3:900 --to 0:2000,3:2000 partition:offset of the raw topic
  faultline replay earliest --into trial           the result goes to an empty topic besides
  faultline replay earliest --correct              write corrections of what differs
`

/** Adds `faultline replay`; the enricher's tool does the work. */
export function addReplay(
  program: Command,
  context: CliContext,
  done: (exitCode: number) => void,
): void {
  program
    .command('replay <from>')
    .description(
      'enrich raw records again and compare with the topic; exit code 3 where they differ',
    )
    .addHelpText('before', examples)
    .option(
      '--to <end>',
      'up to here: a time, or partition:offset pairs; as far as the enricher is',
    )
    .option('--into <topic>', 'write the result to this topic, in transactions')
    .option(
      '--correct',
      'write corrections, with the next revision, of the records that differ',
      false,
    )
    .option('--json', 'for programs', false)
    .action(async (from: string, options: Record<string, unknown>) => {
      const request = JSON.stringify({ from, ...options })
      done(await runAppTool(context, { app: 'enricher', tool: 'replay' }, [request]))
    })
}
