import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const point = 'redis.polled'

let folder: string
const children: ChildProcess[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'failpoints-'))
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

const program = `
  import { createInterface } from 'node:readline'
  import { failpoint } from ${JSON.stringify(new URL('index.ts', import.meta.url).href)}
  for await (const line of createInterface(process.stdin)) {
    failpoint(${JSON.stringify(point)})
    console.log('passed ' + line)
  }`

interface Walker {
  readonly pid: number
  /** Goes past the failpoint; gives the line said after it, or how the process ended instead. */
  pass(): Promise<string>
}

/** A process that passes the failpoint whenever it is told to. */
function start(environment: Record<string, string> = { FAULTLINE_FAILPOINTS: folder }): Walker {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    env: environment,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  children.push(child)
  const lines = createInterface(child.stdout)
  let said = ''
  child.stderr.on('data', (data: Buffer) => (said += data.toString()))
  const ended = once(child, 'close').then(([code, signal]) => String(signal ?? `${code} ${said}`))
  let n = 0
  return {
    pid: child.pid ?? 0,
    pass() {
      const line = once(lines, 'line').then(([text]) => String(text))
      child.stdin.write(`${(n += 1)}\n`)
      return Promise.race([line, ended])
    },
  }
}

function arm(content: string): void {
  writeFileSync(join(folder, point), `${content}\n`)
}

function fired(): string {
  return readFileSync(join(folder, `${point}.fired`), 'utf8')
}

describe('a failpoint', () => {
  it('kills its process when it is armed, once, and leaves word', async () => {
    arm('kill')
    const victim = start()
    expect(await victim.pass()).toBe('SIGKILL')
    expect(fired()).toBe(`kill ${victim.pid}\n`)
    expect(existsSync(join(folder, point))).toBe(false)
    expect(await start().pass()).toBe('passed 1')
  })

  it('stops its process until it is told to go on', async () => {
    arm('stop')
    const walker = start()
    const passing = walker.pass()
    await expect.poll(() => stateOf(walker.pid), { timeout: 5_000 }).toBe('T')
    expect(fired()).toBe(`stop ${walker.pid}\n`)
    process.kill(walker.pid, 'SIGCONT')
    expect(await passing).toBe('passed 1')
  })

  it('waits for the passage that is asked for, counted since it was armed', async () => {
    arm('kill 3')
    const walker = start()
    expect(await walker.pass()).toBe('passed 1')
    expect(await walker.pass()).toBe('passed 2')
    arm('kill 2')
    expect(await walker.pass()).toBe('passed 3')
    expect(await walker.pass()).toBe('SIGKILL')
  })

  it('can be armed and disarmed while the process runs', async () => {
    const walker = start()
    expect(await walker.pass()).toBe('passed 1')
    arm('kill')
    rmSync(join(folder, point))
    expect(await walker.pass()).toBe('passed 2')
    arm('kill')
    expect(await walker.pass()).toBe('SIGKILL')
  })

  it('ends one of two processes that come to it', async () => {
    const walkers = [start(), start()]
    for (const walker of walkers) await walker.pass()
    arm('kill')
    const outcomes = await Promise.all(walkers.map((walker) => walker.pass()))
    expect(outcomes.toSorted()).toEqual(['SIGKILL', 'passed 2'])
  })

  it('refuses what it does not understand', async () => {
    arm('explode')
    expect(await start().pass()).toContain('holds "explode"; a failpoint takes kill or stop')
  })

  it('does nothing in a process that is not told of the folder', async () => {
    arm('kill')
    expect(await start({}).pass()).toBe('passed 1')
    expect(await start({ FAULTLINE_FAILPOINTS: '' }).pass()).toBe('passed 1')
  })
})

/** T: stopped. */
function stateOf(pid: number): string | undefined {
  return execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })[0]
}
