import { FaultProxy } from '../tools/proxy/fault-proxy.ts'
import { redirectOption } from '../tools/redirect/redirect-options.ts'
import type { stackPorts } from '@faultline/stack/layout'

export const links = ['kafka', 'redis', 'clickhouse', 'registry'] as const
export type Link = (typeof links)[number]

/** Where the proxies listen, from the base of the stack's ports. */
const firstOffset = 41

/** A proxy before each back end that the applications use; everything they send passes it, from their start on. */
export class Network {
  readonly #proxies: ReadonlyMap<Link, FaultProxy>
  /** For the applications: go through the proxies. */
  readonly nodeOption: string

  private constructor(proxies: ReadonlyMap<Link, FaultProxy>, nodeOption: string) {
    this.#proxies = proxies
    this.nodeOption = nodeOption
  }

  static async start(portBase: number, ports: ReturnType<typeof stackPorts>): Promise<Network> {
    const proxies = new Map<Link, FaultProxy>()
    for (const [at, link] of links.entries()) {
      const proxy = await FaultProxy.start({
        listenPort: portBase + firstOffset + at,
        targetPort: ports[link],
        protocol: link === 'kafka' ? 'kafka' : 'bytes',
      })
      proxies.set(link, proxy)
    }
    const redirected = [...proxies].map(([link, { port }]) => [ports[link], port] as const)
    return new Network(proxies, redirectOption(new Map(redirected)))
  }

  proxy(link: Link): FaultProxy {
    const found = this.#proxies.get(link)
    if (found === undefined) throw new Error(`no proxy before ${link}`)
    return found
  }

  async close(): Promise<void> {
    for (const proxy of this.#proxies.values()) await proxy.close()
  }
}
