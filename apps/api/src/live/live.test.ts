import { describe, expect, it } from 'vitest'
import type { Clock } from '@faultline/runtime/clock'
import { sampleTimeMs } from '../testing/samples.ts'
import { FrameRing } from './frame-ring.ts'
import { LiveClient, type StreamWriter } from './live-client.ts'

const clock: Clock = { now: () => sampleTimeMs, sleep: () => Promise.resolve() }

/** A socket that takes `room` writes and then no more, until it is drained. */
class Socket implements StreamWriter {
  readonly written: string[] = []
  room = Infinity
  ended = false
  write(text: string): boolean {
    this.written.push(text)
    this.room -= 1
    return this.room > 0
  }
  end() {
    this.ended = true
  }
  destroy() {
    this.ended = true
  }
  get text(): string {
    return this.written.join('')
  }
}

function setUp(capacity = 4) {
  const ring = new FrameRing({ boot: 'b1', capacity })
  const connect = (lastEventId: string | null = null) => {
    const socket = new Socket()
    const snapshot = () => ['event: fleet\ndata: {"now":1}\n\n']
    const client = new LiveClient({ ring, writer: socket, snapshot, clock })
    client.open(lastEventId)
    return { socket, client }
  }
  return { ring, connect }
}

describe('a live client', () => {
  it('is given the present first, then each frame as a server-sent event', () => {
    const { ring, connect } = setUp()
    const { socket, client } = connect()
    expect(socket.text).toBe(
      'retry: 2000\n\nid: b1-0\nevent: hello\ndata: {"now":"2026-11-21T09:30:00.000Z"}\n\n' +
        'event: fleet\ndata: {"now":1}\n\n',
    )
    socket.written.length = 0
    ring.add('ranking', { text: 'two\nlines' })
    client.pump()
    expect(socket.text).toBe('id: b1-1\nevent: ranking\ndata: {"text":"two\\nlines"}\n\n')
  })

  it('goes on after the event it saw last', () => {
    const { ring, connect } = setUp()
    for (const n of [1, 2, 3]) ring.add('devices', { n })
    expect(connect('b1-2').socket.text).toBe(
      'retry: 2000\n\nid: b1-3\nevent: devices\ndata: {"n":3}\n\n',
    )
    expect(connect('b1-3').socket.text).toBe('retry: 2000\n\n')
  })

  it.each(['b1-0', 'b1-9', 'b0-5', 'nonsense', ''])('starts over after the id "%s"', (id) => {
    const { ring, connect } = setUp()
    for (const n of [1, 2, 3, 4, 5, 6]) ring.add('devices', { n })
    const { text } = connect(id).socket
    expect(text).toContain('id: b1-6\nevent: reset\n')
    expect(text).toContain('event: fleet')
  })

  it('is handed nothing while its socket is full, and what it missed afterwards', () => {
    const { ring, connect } = setUp()
    const { socket, client } = connect()
    socket.written.length = 0
    socket.room = 1
    for (const n of [1, 2, 3]) ring.add('devices', { n })
    client.pump()
    client.pump()
    client.heartbeat()
    expect(socket.written).toHaveLength(1)
    expect(client.blockedSince).toBe(sampleTimeMs)
    socket.room = Infinity
    client.drained()
    expect(socket.written).toHaveLength(3)
    expect(client.blockedSince).toBeNull()
  })

  it('starts over where what it missed has left the ring', () => {
    const { ring, connect } = setUp(4)
    const { socket, client } = connect()
    socket.room = 1
    ring.add('devices', { n: 0 })
    client.pump()
    for (const n of [1, 2, 3, 4, 5, 6]) ring.add('devices', { n })
    socket.room = Infinity
    socket.written.length = 0
    client.drained()
    expect(socket.text).toContain('event: reset')
    expect(socket.text).not.toContain('"n":1}')
  })
})
