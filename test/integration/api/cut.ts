import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A line to a server that a test can cut and mend, so that a back end goes away without harm to others who use it. */
export interface Line {
  readonly port: number
  cut(): Promise<void>
  mend(): Promise<void>
}

export async function openLine(target: URL): Promise<Line> {
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname)
    for (const [one, peer] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one.pipe(peer)
      one.on('error', () => peer.destroy())
      one.on('close', () => {
        sockets.delete(one)
        peer.destroy()
      })
    }
  })
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }
  const port = await listen(0)
  return {
    port,
    async cut() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
    async mend() {
      await listen(port)
    },
  }
}
