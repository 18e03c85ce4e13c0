/**
 * Runs the back ends of the tests in a process of their own, apart from the test runner and its module loader: whatever
 * ends the runner ends the channel to it, and then the back ends stop in order.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { environment as names } from '@faultline/contracts/environment'
import { isFaultlineError } from '@faultline/runtime/errors'
import type { Stack } from '@faultline/stack/run-stack'
import { createProductStack } from '@faultline/stack/stack'

// Below the range from which the system takes the ports of outgoing connections: one of those may be in use at any moment.
const firstPortBase = 25_000
const portStep = 100
const portBases = 10

const home = mkdtempSync(join(tmpdir(), 'faultline-test-'))
let current: Stack | undefined
let ending = false

async function start(): Promise<Stack> {
  for (let attempt = 0; ; attempt += 1) {
    current = createStack(firstPortBase + attempt * portStep)
    try {
      await current.start()
      return current
    } catch (error) {
      // Another run on this machine has these ports: the next ones may be free.
      if (isFaultlineError(error, 'PORT_TAKEN') && attempt + 1 < portBases) continue
      throw error
    }
  }
}

function createStack(portBase: number): Stack {
  return createProductStack({
    projectFolder: resolve(import.meta.dirname, '..', '..'),
    home,
    portBase,
    env: withoutAddresses(process.env),
    fresh: false,
    apps: 'none',
    report: (event) => {
      if (event.kind === 'notice') process.stderr.write(`${event.text}\n`)
    },
    onStopRequested: () => void end(0),
  })
}

/** A developer's own addresses must not turn the tests loose on servers that are in use. */
function withoutAddresses(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const ours: readonly string[] = Object.values(names).filter(
    (name) => name !== names.faultlineCache,
  )
  return Object.fromEntries(Object.entries(env).filter(([name]) => !ours.includes(name)))
}

async function end(exitCode: number): Promise<void> {
  if (ending) return
  ending = true
  await current?.stop()
  rmSync(home, { recursive: true, force: true })
  process.exit(exitCode)
}

process.once('disconnect', () => void end(0))
// Ctrl-C goes to the whole terminal: the runner decides when it needs no back ends any more.
process.on('SIGINT', () => undefined)
process.on('SIGTERM', () => void end(0))

try {
  const stack = await start()
  process.send?.({ environment: stack.environment })
} catch (error) {
  process.stderr.write(`the back ends of the tests do not start: ${String(error)}\n`)
  await end(1)
}
