import { expect, test } from 'vitest'
import type { FoundFile } from './scan.ts'
import { Settling } from './settling.ts'

const file = (change: Partial<FoundFile> = {}): FoundFile => ({
  name: 'a.bin',
  path: '/inbox/a.bin',
  size: 428,
  mtimeMs: 10_000,
  inode: 1,
  ...change,
})

test('a file is finished when its time of change has stood still long enough', () => {
  const settling = new Settling(2_000)
  expect([...settling.observe([file()], 11_999)]).toEqual([])
  expect(settling.nextMs).toBe(12_000)
  expect([...settling.observe([file()], 12_000)]).toEqual(['a.bin'])
  expect(settling.nextMs).toBe(Infinity)
})

test('a file that was written long ago and renamed into the folder is finished at first sight', () => {
  expect([...new Settling(2_000).observe([file()], 60_000)]).toEqual(['a.bin'])
})

test('of a writer whose clock is ahead, it counts how long we have seen the file unchanged', () => {
  const settling = new Settling(2_000)
  const ahead = file({ mtimeMs: 9_000_000 })
  expect([...settling.observe([ahead], 10_000)]).toEqual([])
  expect([...settling.observe([{ ...ahead, size: 856 }], 11_500)]).toEqual([])
  expect([...settling.observe([{ ...ahead, size: 856 }], 12_500)]).toEqual([])
  expect([...settling.observe([{ ...ahead, size: 856, inode: 2 }], 13_500)]).toEqual([])
  expect([...settling.observe([{ ...ahead, size: 856, inode: 2 }], 15_500)]).toEqual(['a.bin'])
})

test('a file that went away is forgotten', () => {
  const settling = new Settling(2_000)
  const ahead = file({ mtimeMs: 9_000_000 })
  settling.observe([ahead], 10_000)
  settling.observe([], 11_000)
  expect([...settling.observe([ahead], 12_500)]).toEqual([])
})
