import { expect, it } from 'vitest'
import { EventLog, type Logged } from './event-log.ts'

// Only its place matters here.
const record = {} as Logged['record']

it('keeps the newest records of each partition, also where one partition is read after the other', () => {
  const log = new EventLog(10)
  for (const partition of [0, 1]) {
    for (let offset = 0; offset < 100; offset++) log.push({ partition, offset, record })
  }
  expect(log.total).toBe(200)
  for (const partition of [0, 1]) {
    const offsets =
      log
        .byPartition()
        .get(partition)
        ?.map(({ offset }) => offset) ?? []
    expect(offsets.slice(0, 10)).toEqual([99, 98, 97, 96, 95, 94, 93, 92, 91, 90])
  }
})
