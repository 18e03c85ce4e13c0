import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { environment as names } from '@faultline/contracts/environment'
import type { TestConnection } from './connection.ts'

interface SharedBackEnds {
  users: number
  readonly host: ChildProcess
  readonly environment: Promise<Readonly<Record<string, string>>>
}

/** Each vitest project loads this file anew, in one process: the back ends hang where all of them find them. */
const shared = globalThis as { faultlineTestBackEnds?: SharedBackEnds | undefined }

/** Starts the real back ends once for all projects of a run, in a new folder, and stops them after the last one. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const backEnds = (shared.faultlineTestBackEnds ??= startBackEnds())
  backEnds.users += 1
  project.provide('connection', connectionOf(await backEnds.environment))
  return async () => {
    backEnds.users -= 1
    if (backEnds.users > 0) return
    shared.faultlineTestBackEnds = undefined
    const ended = once(backEnds.host, 'exit')
    backEnds.host.disconnect()
    await ended
  }
}

function startBackEnds(): SharedBackEnds {
  const host = fork(join(import.meta.dirname, 'stack-host.ts'))
  const environment = new Promise<Readonly<Record<string, string>>>((resolve, reject) => {
    host.once('message', (message: { environment: Record<string, string> }) => {
      resolve(message.environment)
    })
    host.once('exit', (code) => {
      reject(new Error(`the back ends of the tests ended with exit code ${code ?? 'unknown'}`))
    })
  })
  return { users: 0, host, environment }
}

function connectionOf(environment: Readonly<Record<string, string>>): TestConnection {
  const address = (name: string): string => {
    const value = environment[name]
    if (value === undefined) throw new Error(`the back ends have no ${name}`)
    return value
  }
  return {
    databaseUrl: address(names.databaseUrl),
    kafkaBootstrap: address(names.kafkaBootstrap),
    schemaRegistryUrl: address(names.schemaRegistryUrl),
    connectUrl: address(names.connectUrl),
    // Without the database's number: tests choose their own.
    redisUrl: address(names.redisUrl).replace(/\/0$/, ''),
    clickhouseUrl: address(names.clickhouseUrl),
  }
}
