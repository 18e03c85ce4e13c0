import { createRequire } from 'node:module'
import { afterEach, describe, expect, it, vi } from 'vitest'
import './library.ts'

const require = createRequire(import.meta.url)

interface Group {
  memberId: string
  generationId: number
  groupId: string
  coordinator: { heartbeat: () => Promise<void> }
  heartbeat(options: { interval: number }): Promise<void>
}

const day = 86_400_000
const start = Date.UTC(2026, 0, 2)

/** A member of a group as kafkajs keeps it, with a coordinator that counts. */
function member() {
  const ConsumerGroup = require('kafkajs/src/consumer/consumerGroup') as new (
    options: object,
  ) => Group
  const group = new ConsumerGroup({
    retry: {},
    cluster: {},
    logger: { namespace: () => ({}) },
    topics: [],
    topicConfigurations: {},
    instrumentationEmitter: { emit: () => undefined },
  })
  const sent = vi.fn(() => Promise.resolve())
  Object.assign(group, { memberId: 'm', coordinator: { heartbeat: sent } })
  return { group, sent }
}

describe('heartbeats of kafkajs', () => {
  afterEach(() => vi.useRealTimers())

  it.each([
    ['ahead and back', day],
    ['back and ahead', -day],
  ])('go on when the clock was %s', async (_, by) => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'], now: start })
    const { group, sent } = member()
    vi.setSystemTime(start + by)
    vi.advanceTimersByTime(1_500)
    await group.heartbeat({ interval: 1_000 })
    expect(sent).toHaveBeenCalledTimes(1)
    vi.setSystemTime(start)
    await group.heartbeat({ interval: 1_000 })
    expect(sent).toHaveBeenCalledTimes(1)
    vi.advanceTimersByTime(1_500)
    await group.heartbeat({ interval: 1_000 })
    expect(sent).toHaveBeenCalledTimes(2)
  })
})

describe('requests of kafkajs', () => {
  it('know when they were sent only once they are', () => {
    const SocketRequest = require('kafkajs/src/network/requestQueue/socketRequest') as new (
      options: object,
    ) => { sentAt: number | null; send: () => void }
    const request = new SocketRequest({ entry: {}, send: () => undefined })
    expect(request.sentAt).toBeNull()
    request.send()
    expect(Math.abs((request.sentAt ?? 0) - Date.now())).toBeLessThan(1_000)
  })
})
