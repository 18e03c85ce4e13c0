/** The fault campaign as a program; `--help` says how. */
import { runCampaign } from './campaign.ts'
import { faultKinds, kindsNamed } from './kinds/index.ts'
import { parseOptions, usage, type CampaignOptions } from './options.ts'
import { writeReport } from './report.ts'

const exitCodes = { done: 0, failed: 1, usage: 2, violation: 3 } as const

function print(line: string): void {
  process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`)
}

/** The options, or undefined where there is nothing to run. */
function readOptions(): CampaignOptions | undefined {
  try {
    const options = parseOptions(process.argv.slice(2))
    if (options === 'help') process.stdout.write(usage)
    else if (options === 'list') {
      process.stdout.write(`${faultKinds.map(({ name }) => name).join('\n')}\n`)
    } else {
      kindsNamed(options.only ?? [])
      return options
    }
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}`)
    process.exitCode = exitCodes.usage
  }
  return undefined
}

const options = readOptions()
if (options !== undefined) {
  const interrupt = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      print('interrupted: judging what was done, then taking the product down')
      interrupt.abort(new Error('interrupted'))
    })
  }
  try {
    const report = await runCampaign(options, print, interrupt.signal)
    for (const path of writeReport(report, options.reportFolder)) print(path)
    print(
      `${report.faults.length} faults, ${report.rows} rows, ${report.violationsTotal} violations; again: ${report.replay}`,
    )
    process.exitCode = report.violationsTotal === 0 ? exitCodes.done : exitCodes.violation
  } catch (error) {
    process.stderr.write(`${(error as Error).stack ?? String(error)}\n`)
    process.exitCode = exitCodes.failed
  }
}
