import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { environment } from '@faultline/contracts/environment'
import { systemCode } from '../errors/index.ts'
import type { Failpoint } from './catalogue.ts'

const folder = process.env[environment.failpoints]

/** Whether this process watches failpoints at all: what prepares one may be left out otherwise. */
export const failpointsOn = folder !== undefined && folder !== ''

/**
 * A moment at which a test may end this process. Does nothing unless FAULTLINE_FAILPOINTS names a folder that holds a file of
 * this name, armed from outside at any time. Its content is `kill` (SIGKILL) or `stop` (SIGSTOP, until somebody sends SIGCONT),
 * with `kill 3` at the third passage of this process. It acts once: the file becomes `<name>.fired` with `<action> <pid>`.
 */
export function failpoint(name: Failpoint): void {
  if (failpointsOn) pass(join(folder ?? '', name), name)
}

const signals = new Map<string, NodeJS.Signals>([
  ['kill', 'SIGKILL'],
  ['stop', 'SIGSTOP'],
])

/** Passages since a file was armed; a file armed anew counts anew. */
const passages = new Map<Failpoint, { readonly armed: string; count: number }>()

function pass(path: string, name: Failpoint): void {
  const armed = read(path)
  if (armed === undefined) return
  const [action = '', wanted = '1'] = armed.text.split(' ')
  const signal = signals.get(action)
  if (signal === undefined || !/^[1-9]\d*$/.test(wanted)) {
    throw new TypeError(`${path} holds "${armed.text}"; a failpoint takes kill or stop and a count`)
  }
  const before = passages.get(name)
  const count = before?.armed === armed.id ? before.count + 1 : 1
  passages.set(name, { armed: armed.id, count })
  if (count >= Number(wanted) && claim(path, action)) process.kill(process.pid, signal)
}

/** An empty file is one that is just being written. */
function read(path: string): { readonly text: string; readonly id: string } | undefined {
  try {
    const { ino, mtimeNs } = statSync(path, { bigint: true })
    const text = readFileSync(path, 'utf8').trim()
    return text === '' ? undefined : { text, id: `${ino}:${mtimeNs}` }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Of several processes at one point, one gets it. */
function claim(path: string, action: string): boolean {
  const own = `${path}.${process.pid}`
  try {
    renameSync(path, own)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
  writeFileSync(own, `${action} ${process.pid}\n`)
  renameSync(own, `${path}.fired`)
  return true
}
