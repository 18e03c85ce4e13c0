import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** A server that keeps what it got and answers each piece as told. */
export interface Recorder {
  readonly server: Server
  readonly port: number
  readonly received: Buffer[]
  readonly sockets: Socket[]
}

export async function startRecorder(answer: (piece: Buffer) => Buffer | null): Promise<Recorder> {
  const received: Buffer[] = []
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
    socket.on('data', (piece) => {
      received.push(piece)
      const reply = answer(piece)
      if (reply !== null) socket.write(reply)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port, received, sockets }
}
