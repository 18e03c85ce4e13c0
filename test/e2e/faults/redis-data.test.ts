import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import {
  keepRedisData,
  redisCommand,
  restartRedisOn,
} from '../../faults/tools/processes/redis-data.ts'
import { untilStartedAgain } from '../../faults/tools/processes/stack-processes.ts'
import { eventually } from '../../support/eventually.ts'
import { product } from '../../support/product/product.ts'

it('Redis goes back to what it held before', async () => {
  const { home, redisUrl } = product()
  const folder = mkdtempSync(join(tmpdir(), 'redis-data-'))
  const get = () => redisCommand(redisUrl, 'GET', 'of-the-test')
  try {
    await redisCommand(redisUrl, 'SET', 'of-the-test', 'kept')
    await keepRedisData(home, join(folder, 'copy'))
    await redisCommand(redisUrl, 'SET', 'of-the-test', 'lost')
    const killed = await restartRedisOn(home, join(folder, 'copy'))
    await untilStartedAgain(home, 'redis', killed)
    expect(await eventually(get)).toBe('kept')
  } finally {
    await redisCommand(redisUrl, 'DEL', 'of-the-test')
    rmSync(folder, { recursive: true })
  }
})
