import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import type { stackPorts } from '@faultline/stack/layout'
import type { RequestMatch } from '../tools/proxy/fault-proxy.ts'
import type { Behaviour } from '../tools/proxy/pipe.ts'
import { redirectOption } from '../tools/redirect/redirect-options.ts'

export const links = ['kafka', 'redis', 'clickhouse', 'registry'] as const
export type Link = (typeof links)[number]

/** What a proxy can be told; see FaultProxy. */
export type Action =
  | {
      readonly kind: 'behave'
      readonly direction: 'both' | 'to client' | 'to server'
      readonly behaviour: Behaviour
    }
  | { readonly kind: 'reset' }
  /** Every connection is reset, and every new one. */
  | { readonly kind: 'refuse' }
  | { readonly kind: 'calm' }
  /** Done when a reply was lost. */
  | { readonly kind: 'lose reply'; readonly match: RequestMatch }
  /** Done when a request that was held has arrived after all. */
  | {
      readonly kind: 'hold'
      readonly apiKey: number
      readonly forMs: number
      readonly cutSender: boolean
    }

export interface Start {
  readonly id: number
  readonly proxies: readonly {
    readonly link: Link
    readonly listenPort: number
    readonly targetPort: number
    readonly protocol: 'kafka' | 'bytes'
  }[]
}

export interface Call {
  readonly id: number
  readonly link: Link
  readonly action: Action
}

/** Where the proxies listen, from the base of the stack's ports. */
const firstOffset = 41

/** A proxy before each back end that the applications use; everything they send passes it, from their start on. */
export class Network {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, PromiseWithResolvers<undefined>>()
  #calls = 0
  /** For the applications: go through the proxies. */
  readonly nodeOption: string

  private constructor(child: ChildProcess, nodeOption: string) {
    this.#child = child
    this.nodeOption = nodeOption
    child.on('message', ({ id, error }: { id: number; error?: string }) => {
      const waiting = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (error === undefined) waiting?.resolve(undefined)
      else waiting?.reject(new Error(error))
    })
  }

  static async start(portBase: number, ports: ReturnType<typeof stackPorts>): Promise<Network> {
    const proxies = links.map((link, at) => ({
      link,
      listenPort: portBase + firstOffset + at,
      targetPort: ports[link],
      protocol: link === 'kafka' ? ('kafka' as const) : ('bytes' as const),
    }))
    const redirected = proxies.map(
      ({ targetPort, listenPort }) => [targetPort, listenPort] as const,
    )
    const network = new Network(
      fork(join(import.meta.dirname, 'network-process.ts')),
      redirectOption(new Map(redirected)),
    )
    try {
      await network.#send((id) => ({ id, proxies }))
    } catch (error) {
      network.close()
      throw error
    }
    return network
  }

  /** Resolves when it has happened, which for a lost reply or a held request may be never. */
  tell(link: Link, action: Action): Promise<undefined> {
    return this.#send((id) => ({ id, link, action }))
  }

  close(): void {
    this.#child.disconnect()
  }

  #send(message: (id: number) => Start | Call): Promise<undefined> {
    this.#calls += 1
    const done = Promise.withResolvers<undefined>()
    this.#waiting.set(this.#calls, done)
    this.#child.send(message(this.#calls))
    return done.promise
  }
}
