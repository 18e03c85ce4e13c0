import { requireSupervisor } from '@faultline/stack/control'
import type { CliContext } from '../context.ts'

/** Restarts one process of the running stack. */
export async function restart(context: CliContext, name: string): Promise<number> {
  await requireSupervisor(context.home).restart(name)
  context.terminal.print(`${name} is being restarted; \`faultline status\` shows when it is back.`)
  return 0
}
