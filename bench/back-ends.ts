import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'

export type Environment = Readonly<Record<string, string>>

export const project = resolve(import.meta.dirname, '..')

/** Starts back ends in a new folder, without applications, and stops them when the measuring is over. */
export async function withBackEnds(measure: (env: Environment) => Promise<void>): Promise<void> {
  const backEnds = fork(join(project, 'test', 'support', 'stack-host.ts'))
  const ended = once(backEnds, 'exit')
  try {
    const [{ environment }] = (await Promise.race([
      once(backEnds, 'message'),
      ended.then(() => Promise.reject(new Error('the back ends do not start'))),
    ])) as [{ environment: Environment }]
    await measure(environment)
  } finally {
    if (backEnds.connected) backEnds.disconnect()
    await ended
  }
}
