import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../../support/eventually.ts'
import { startRecorder, type Recorder } from '../recorder.ts'
import { FaultProxy } from './fault-proxy.ts'

/** A client that keeps what it got and how its connection ended. */
interface Client {
  readonly socket: Socket
  readonly text: () => string
  /** 'end', or the code of the error. */
  readonly ended: Promise<string>
}

function connectTo(port: number): Client {
  const socket = connect(port, '127.0.0.1')
  const received: Buffer[] = []
  socket.on('data', (piece) => received.push(piece))
  const ended = new Promise<string>((resolve) => {
    socket.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code ?? 'unknown')
    })
    socket.once('end', () => {
      resolve('end')
    })
  })
  return { socket, text: () => Buffer.concat(received).toString(), ended }
}

/** A request of Kafka: length, operation, version, id, and a body that the server sends back. */
function request(apiKey: number, id: number, body: string): Buffer {
  const frame = Buffer.alloc(12 + body.length)
  frame.writeInt32BE(8 + body.length, 0)
  frame.writeInt16BE(apiKey, 4)
  frame.writeInt32BE(id, 8)
  frame.write(body, 12)
  return frame
}

const echo = (piece: Buffer): Buffer => Buffer.from(piece)

/** Answers each frame with its id and its body. */
function answerFrames(piece: Buffer): Buffer {
  const replies: Buffer[] = []
  for (let at = 0; at < piece.length; at += 4 + piece.readInt32BE(at)) {
    const frame = piece.subarray(at, at + 4 + piece.readInt32BE(at))
    const reply = Buffer.alloc(frame.length - 4)
    reply.writeInt32BE(frame.length - 8, 0)
    frame.copy(reply, 4, 8)
    replies.push(reply)
  }
  return Buffer.concat(replies)
}

let recorder: Recorder
let proxy: FaultProxy
const clients: Client[] = []

function client(): Client {
  const made = connectTo(proxy.port)
  clients.push(made)
  return made
}

async function startWith(answer: Parameters<typeof startRecorder>[0], protocol: 'kafka' | 'bytes') {
  recorder = await startRecorder(answer)
  proxy = await FaultProxy.start({ targetPort: recorder.port, protocol, random: () => 0.5 })
}

afterEach(async () => {
  for (const { socket } of clients.splice(0)) socket.destroy()
  for (const socket of recorder.sockets) socket.destroy()
  await proxy.close()
  recorder.server.close()
})

describe('a proxy that knows bytes', () => {
  beforeEach(() => startWith(echo, 'bytes'))

  it('passes everything on, ends included, and counts', async () => {
    const { socket, text, ended } = client()
    socket.write('hello')
    await expect.poll(text).toBe('hello')
    socket.end()
    expect(await ended).toBe('end')
    expect(proxy.counts()).toMatchObject({ connections: 1, bytesToServer: 5, bytesToClient: 5 })
    expect(proxy.counts()).toMatchObject({ resets: 0, cuts: 0, bytesDropped: 0 })
  })

  it('carries megabytes in order', async () => {
    const { socket, text } = client()
    const sent = Array.from({ length: 300_000 }, (_, n) => `${n}\n`).join('')
    socket.write(sent)
    await eventually(() => {
      expect(text().length).toBe(sent.length)
    })
    expect(text() === sent).toBe(true)
  })

  it('resets every connection, and those that come while it refuses', async () => {
    const first = client()
    await eventually(() => {
      expect(recorder.sockets).toHaveLength(1)
    })
    expect(proxy.resetAll()).toBe(1)
    expect(await first.ended).toBe('ECONNRESET')
    proxy.refuse(true)
    expect(await client().ended).toBe('ECONNRESET')
    proxy.calm()
    const third = client()
    third.socket.write('on')
    await expect.poll(third.text).toBe('on')
    expect(proxy.counts()).toMatchObject({ resets: 2, connections: 3 })
  })

  it('swallows like a black hole, and never goes on in the middle of a stream with a gap', async () => {
    const { socket, text, ended } = client()
    proxy.behave('to server', { kind: 'black hole' })
    socket.write('lost')
    await expect.poll(() => proxy.counts().bytesDropped).toBe(4)
    expect(recorder.received).toEqual([])
    proxy.behave('to server', { kind: 'pass' })
    expect(await ended).toBe('ECONNRESET')
    expect(text()).toBe('')
    expect(proxy.counts().resets).toBe(1)
  })

  it('delays each piece, and keeps the order', async () => {
    proxy.behave('to client', { kind: 'slow', delayMs: 60, jitterMs: 20 })
    const { socket, text } = client()
    const begin = performance.now()
    socket.write('a')
    await expect.poll(() => recorder.received.length).toBe(1)
    socket.write('b')
    await expect.poll(text, { interval: 2 }).toBe('ab')
    expect(performance.now() - begin).toBeGreaterThanOrEqual(70)
  })

  it('lets no more bytes a second through than allowed', async () => {
    proxy.behave('to server', { kind: 'slow', delayMs: 0, bytesPerSecond: 100_000 })
    const { socket, text } = client()
    const begin = performance.now()
    socket.write('x'.repeat(30_000))
    await expect.poll(() => text().length, { interval: 5 }).toBe(30_000)
    expect(performance.now() - begin).toBeGreaterThanOrEqual(300)
  })

  it('cuts after so many bytes of each connection', async () => {
    proxy.behave('to client', { kind: 'cut', afterBytes: 3 })
    const { socket, text, ended } = client()
    socket.write('hello')
    expect(await ended).toBe('ECONNRESET')
    expect(text()).toBe('hel')
    expect(proxy.counts().cuts).toBe(1)
  })

  it('stalls one direction while the other goes on, and then delivers what waited', async () => {
    const { socket, text } = client()
    proxy.behave('to client', { kind: 'stall' })
    socket.write('hello')
    await expect.poll(() => recorder.received.join('')).toBe('hello')
    socket.write(' again')
    await expect.poll(() => recorder.received.join('')).toBe('hello again')
    expect(text()).toBe('')
    proxy.calm()
    await expect.poll(text).toBe('hello again')
  })

  it('loses the reply to a request that the server has got', async () => {
    const { socket, text, ended } = client()
    const lost = proxy.loseNextReply({ containing: 'EVALSHA' })
    socket.write('PING')
    await expect.poll(text).toBe('PING')
    socket.write('*3 EVALSHA 1')
    await lost
    expect(await ended).toBe('ECONNRESET')
    expect(text()).toBe('PING')
    expect(recorder.received.join('')).toBe('PING*3 EVALSHA 1')
    const next = client()
    next.socket.write('EVALSHA')
    await expect.poll(next.text).toBe('EVALSHA')
    expect(proxy.counts().lostReplies).toBe(1)
  })

  it('passes on that nobody listens', async () => {
    recorder.server.close()
    await once(recorder.server, 'close')
    expect(await client().ended).toBe('ECONNRESET')
  })
})

describe('a proxy that knows Kafka', () => {
  beforeEach(() => startWith(answerFrames, 'kafka'))

  it('puts frames together, however they come', async () => {
    const { socket, text } = client()
    const bytes = Buffer.concat([request(3, 1, 'one'), request(3, 2, 'two')])
    for (const byte of bytes) socket.write(Buffer.of(byte))
    await expect.poll(text).toMatch(/one.*two/s)
  })

  it('loses the reply of one kind of request, and gives those before it', async () => {
    const { socket, text, ended } = client()
    const lost = proxy.loseNextReply({ apiKey: 26 })
    socket.write(Buffer.concat([request(0, 1, 'produce'), request(26, 2, 'commit')]))
    await lost
    expect(await ended).toBe('ECONNRESET')
    expect(text()).toContain('produce')
    expect(text()).not.toContain('commit')
    expect(Buffer.concat(recorder.received).toString()).toContain('commit')
  })

  it('loses the reply of the next try when the first one ended without a reply', async () => {
    const first = client()
    const lost = proxy.loseNextReply({ apiKey: 26 })
    proxy.behave('to client', { kind: 'stall' })
    first.socket.write(request(26, 1, 'first'))
    await expect.poll(() => recorder.received.length).toBe(1)
    proxy.resetAll()
    proxy.behave('to client', { kind: 'pass' })
    const second = client()
    second.socket.write(request(26, 1, 'second'))
    await lost
    expect(await second.ended).toBe('ECONNRESET')
  })

  it('holds a request back, and what comes after it on its connection', async () => {
    const { socket, text } = client()
    const hold = proxy.holdNext(26, { forMs: 20_000, cutSender: false })
    socket.write(Buffer.concat([request(26, 1, 'commit'), request(3, 2, 'after')]))
    await hold.held
    const other = client()
    other.socket.write(request(3, 1, 'meanwhile'))
    await expect.poll(other.text).toContain('meanwhile')
    expect(text()).toBe('')
    hold.release()
    expect(await hold.released).toBeNull()
    await expect.poll(text).toMatch(/commit.*after/s)
    expect(proxy.counts().heldRequests).toBe(1)
  })

  it('lets a held request arrive late, on its own, when its sender was cut off', async () => {
    const { socket, ended } = client()
    const hold = proxy.holdNext(26, { forMs: 20_000, cutSender: true })
    socket.write(request(26, 7, 'late commit'))
    expect(await ended).toBe('ECONNRESET')
    const successor = client()
    successor.socket.write(request(22, 1, 'fence'))
    await expect.poll(successor.text).toContain('fence')
    hold.release()
    const reply = await hold.released
    expect(reply?.toString()).toContain('late commit')
    const order = Buffer.concat(recorder.received).toString()
    expect(order.indexOf('fence')).toBeLessThan(order.indexOf('late commit'))
  })

  it('releases a held request when its time has come', async () => {
    const { socket, text } = client()
    const hold = proxy.holdNext(26, { forMs: 50, cutSender: false })
    const begin = performance.now()
    socket.write(request(26, 1, 'commit'))
    await hold.released
    await expect.poll(text).toContain('commit')
    expect(performance.now() - begin).toBeGreaterThanOrEqual(49)
  })
})
