import { afterAll, beforeAll, expect, it } from 'vitest'
import { putOnSmallDisk } from '../../faults/tools/processes/data-disk.ts'
import { redisCommand } from '../../faults/tools/processes/redis-data.ts'
import { untilSettled, verifyChain } from '../../support/chain/verify-chain.ts'
import { eventually } from '../../support/eventually.ts'
import { askApi, measure, patience, toPostgres, uniqueName } from '../../support/product/changes.ts'
import { faultlineOk } from '../../support/product/faultline-command.ts'
import { registerUnits } from '../../support/product/fleet.ts'
import { product } from '../../support/product/product.ts'

const isAllowed = process.platform === 'linux' && process.getuid?.() === 0
const mebibyte = 1_048_576

const device = uniqueName('disk')
let events = 0

async function measured(count: number): Promise<void> {
  await measure(device, count)
  events += count
}

beforeAll(async () => {
  const postgres = await toPostgres()
  await registerUnits(postgres, [device])
  await postgres.close()
  await measured(1)
  await untilSettled(product(), 120_000)
})
afterAll(() => verifyChain(product()))

/** Runs `whileFull` while a back end has no room; what comes meanwhile is in the stores afterwards. */
async function withFullDisk(
  name: string,
  bytes: number,
  whileFull: () => Promise<void>,
): Promise<void> {
  const putting = putOnSmallDisk(product().home, name, bytes)
  if (!isAllowed) {
    await expect(putting).rejects.toThrow()
    return
  }
  const disk = await putting
  try {
    // It serves from its new place.
    await measured(1)
    await untilSettled(product(), 240_000)
    const makeRoom = await disk.fill(0)
    await whileFull()
    await makeRoom()
    await untilSettled(product(), 240_000)
  } finally {
    await disk.remove()
  }
  await untilSettled(product(), 240_000)
}

async function shownEvents(): Promise<unknown> {
  const { body } = await askApi(`/api/devices/${device}`)
  return body['events_total']
}

it('Redis has no room for its append-only file: the consumer waits, readers are served, nothing is lost', async () => {
  await withFullDisk('redis', 64 * mebibyte, async () => {
    const { redisUrl } = product()
    const before = events
    // Redis writes its file when a second is over; what it could not write it refuses to add to.
    const write = () => redisCommand(redisUrl, 'SET', 'of-the-test', 'x'.repeat(8_192))
    await eventually(() => expect(write()).rejects.toThrow('MISCONF'), patience)
    await measured(20)
    await eventually(async () => {
      expect(await shownEvents()).toBe(before)
    }, patience)
  })
  await redisCommand(product().redisUrl, 'DEL', 'of-the-test')
}, 600_000)

it('ClickHouse has no room for rows: the sink says so and goes on when there is room, Redis does not wait for it', async () => {
  await withFullDisk('clickhouse', 1_024 * mebibyte, async () => {
    await measured(20)
    await eventually(async () => {
      expect(await shownEvents()).toBe(events)
      const log = await faultlineOk(product().home, ['logs', 'clickhouse-sink'])
      expect(log).toContain('DISK_FULL')
    }, patience)
  })
}, 900_000)
