import { spawnSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { plantedBugs } from './patches.ts'

it.each(plantedBugs())('$name can still be planted', ({ path }) => {
  const { status, stderr } = spawnSync('git', ['apply', '--check', path], { encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(status).toBe(0)
})
