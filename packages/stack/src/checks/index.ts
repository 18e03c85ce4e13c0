import { statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { FaultlineError, systemCode } from '@faultline/runtime/errors'
import type { ProcessSpec } from '../process-spec.ts'
import { findPortHolder } from './port-holder.ts'

const leastFreeBytes = 2 * 1024 ** 3

/** @throws FaultlineError DISK_FULL with less than 2 GiB left for the data of the stack */
export async function checkDisk(home: string, leastBytes = leastFreeBytes): Promise<void> {
  const { bavail, bsize } = await statfs(home)
  const freeBytes = bavail * bsize
  if (freeBytes >= leastBytes) return
  const gib = (bytes: number) => (bytes / 1024 ** 3).toFixed(1)
  throw new FaultlineError(
    'DISK_FULL',
    `only ${gib(freeBytes)} GiB are free where ${home} is, and at least ${gib(leastBytes)} GiB are needed`,
    { remedy: 'Free some space, or choose a folder on another disk with FAULTLINE_HOME.' },
  )
}

/** @throws FaultlineError PORT_TAKEN naming the port, who wants it and, where known, who holds it */
export async function checkPorts(
  specs: readonly Pick<ProcessSpec, 'name' | 'ports'>[],
): Promise<void> {
  for (const { name, ports } of specs) {
    for (const port of ports) {
      if (!(await isTaken(port))) continue
      const holder = findPortHolder(port)
      const by = holder === undefined ? '' : ` by ${holder.name} (process ${holder.pid})`
      throw new FaultlineError('PORT_TAKEN', `port ${port}, which ${name} needs, is taken${by}`, {
        remedy: 'End that process, or choose other ports: `faultline up --port-base 17400`.',
        context: { port, name },
      })
    }
  }
}

function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error) => {
      const code = systemCode(error)
      // EACCES: a port that only root may open is as good as taken.
      if (code === 'EADDRINUSE' || code === 'EACCES') resolve(true)
      else reject(error)
    })
    server.listen(port, '127.0.0.1', () => {
      server.close(() => {
        resolve(false)
      })
    })
  })
}
