import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { Aedes, type PublishPacket } from 'aedes'
import { freePort } from './free-port.ts'

/** A broker on loopback that remembers its clients, also while its network is away. */
export class MqttBroker implements AsyncDisposable {
  readonly url: string
  readonly #aedes: Aedes
  readonly #port: number
  readonly #speaks5: boolean
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined
  /** Versions of the protocol that clients connected with. */
  readonly versions: number[] = []
  /** Messages that were acknowledged to it. */
  acknowledged = 0

  private constructor(aedes: Aedes, port: number, speaks5: boolean) {
    this.#aedes = aedes
    this.#port = port
    this.#speaks5 = speaks5
    this.url = `mqtt://127.0.0.1:${port}`
    aedes.on('ack', () => {
      this.acknowledged += 1
    })
    aedes.on('clientReady', (client) => {
      this.versions.push(client.version)
    })
  }

  static async start(speaks5 = true): Promise<MqttBroker> {
    const aedes = await Aedes.createBroker()
    const broker = new MqttBroker(aedes, await freePort(), speaks5)
    await broker.comeBack()
    return broker
  }

  /** As a device that publishes with QoS 1: resolves when the broker has it. */
  async publish(topic: string, payload: Uint8Array | string, retain = false): Promise<void> {
    const message: PublishPacket = {
      cmd: 'publish',
      topic,
      payload: Buffer.from(payload),
      qos: 1,
      retain,
      dup: false,
    }
    await new Promise<void>((resolve, reject) => {
      this.#aedes.publish(message, (error) => {
        // Null where all is well, whatever the types say.
        if (error instanceof Error) reject(error)
        else resolve()
      })
    })
  }

  /** Listens, at the same address as before. */
  async comeBack(): Promise<void> {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
      if (this.#speaks5) this.#aedes.handle(socket)
      else this.#refuse5(socket)
    })
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  /** Drops every connection and listens no more. What is published is kept for its clients. */
  async goAway(): Promise<void> {
    const closed = new Promise((resolve) => this.#server?.close(resolve))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.goAway()
    await new Promise<void>((resolve) => {
      this.#aedes.close(resolve)
    })
  }

  /** As a broker of MQTT 3.1.1 answers: the version stands behind the header, two bytes here, and the name. */
  #refuse5(socket: Socket): void {
    socket.once('data', (connect) => {
      if (connect[8] === 5) socket.end(Buffer.from([0x20, 2, 0, 1]))
      else {
        socket.unshift(connect)
        this.#aedes.handle(socket)
      }
    })
  }
}
