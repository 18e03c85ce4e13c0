import {
  closeSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { LogFile } from '../../../packages/stack/src/supervisor/log-file.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'faultline-log-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

const limits = { maxBytes: 1_000, keep: 2 }

it('keeps a growing log and its two older files within their bounds while it is written to', () => {
  const path = join(folder, 'kafka.log')
  const log = new LogFile(path, limits)
  const descriptor = log.open()
  try {
    for (let line = 0; line < 200; line += 1) {
      writeSync(descriptor, `line ${String(line).padStart(40)}\n`)
      log.rotateIfLarge()
    }
  } finally {
    closeSync(descriptor)
  }
  for (const file of [path, `${path}.1`, `${path}.2`]) {
    expect(statSync(file).size).toBeLessThanOrEqual(limits.maxBytes + 100)
  }
  expect(existsSync(`${path}.3`)).toBe(false)
  // The newest lines are there, in order, across the files.
  const all = [`${path}.2`, `${path}.1`, path].map((file) => readFileSync(file, 'utf8')).join('')
  const numbers = [...all.matchAll(/(\d+)\n/g)].map((match) => Number(match[1]))
  expect(numbers.at(-1)).toBe(199)
  expect(numbers).toEqual(numbers.map((_, index) => 200 - numbers.length + index))
})

it('begins a new file for a new child when the old one is over its bound', () => {
  const path = join(folder, 'kafka.log')
  const log = new LogFile(path, limits)
  const first = log.open()
  writeSync(first, 'x'.repeat(2_000))
  closeSync(first)
  closeSync(log.open())
  expect(statSync(path).size).toBe(0)
  expect(statSync(`${path}.1`).size).toBe(2_000)
})
