import { request } from 'node:http'
import { FaultlineError, systemCode } from '@faultline/runtime/errors'
import { stackFolders } from '../layout.ts'
import { readLock, type LockHolder } from '../supervisor/home-lock.ts'
import { stackStatus, type StackStatus } from './protocol.ts'

const answerTimeoutMs = 5_000

/** The supervisor that runs the stack of a home folder, as another process sees it. */
export interface RunningSupervisor {
  readonly holder: LockHolder
  /** @throws FaultlineError NOT_RUNNING when it ended in the meantime */
  status(): Promise<StackStatus>
  stop(): Promise<void>
  /** @throws FaultlineError NOT_FOUND */
  restart(name: string): Promise<void>
}

/** The supervisor of a home folder, or undefined when none runs. */
export function findSupervisor(home: string): RunningSupervisor | undefined {
  const holder = readLock(stackFolders(home).run)
  if (holder === undefined) return undefined
  const path = holder.controlSocket
  return {
    holder,
    status: async () => stackStatus.parse(await ask(path, 'GET', '/status')),
    stop: async () => {
      await ask(path, 'POST', '/stop')
    },
    restart: async (name) => {
      await ask(path, 'POST', `/restart/${encodeURIComponent(name)}`)
    },
  }
}

/**
 * @throws FaultlineError NOT_RUNNING
 */
export function requireSupervisor(home: string): RunningSupervisor {
  const supervisor = findSupervisor(home)
  if (supervisor !== undefined) return supervisor
  throw notRunning(home)
}

function notRunning(home: string, cause?: unknown): FaultlineError {
  return new FaultlineError('NOT_RUNNING', `no stack runs on the home folder ${home}`, {
    remedy: 'Start it with `faultline up`; FAULTLINE_HOME chooses another home folder.',
    cause,
  })
}

function ask(socketPath: string, method: string, path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, method, path, timeout: answerTimeoutMs }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('error', reject)
      response.on('end', () => {
        const body = (text === '' ? {} : JSON.parse(text)) as { error?: string; remedy?: string }
        if (response.statusCode === 404) reject(notFound(body))
        else if ((response.statusCode ?? 500) >= 400) reject(new Error(body.error))
        else resolve(body)
      })
    })
    call.once('timeout', () => {
      call.destroy(
        new FaultlineError('DEADLINE_EXCEEDED', 'the supervisor does not answer', {
          remedy: 'Look at its log with `faultline logs supervisor`, or end its process.',
        }),
      )
    })
    call.once('error', (error) => {
      const gone = ['ENOENT', 'ECONNREFUSED', 'ECONNRESET'].includes(systemCode(error) ?? '')
      reject(gone ? notRunning(socketPath, error) : error)
    })
    call.end()
  })
}

function notFound(body: { error?: string; remedy?: string }): FaultlineError {
  const message = (body.error ?? 'not known to the supervisor').replace(/^NOT_FOUND: /, '')
  return new FaultlineError(
    'NOT_FOUND',
    message,
    body.remedy === undefined ? {} : { remedy: body.remedy },
  )
}
