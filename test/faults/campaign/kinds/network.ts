import { links, type Link } from '../network.ts'
import { pause } from '../pause.ts'
import type { Behaviour } from '../../tools/proxy/pipe.ts'
import { limits, signalTo, stalledBy, type FaultContext, type FaultKind } from './kind.ts'

const aboutOne = (link: Link) => ({
  touches: [link, `link to ${link}`],
  stalls: stalledBy(link),
  apiMayFail: link === 'redis',
  limitSeconds: limits.application,
})

const resets = links.map((link): FaultKind => ({
  ...aboutOne(link),
  name: `net-reset-${link}`,
  weight: 0.8,
  inject: async ({ network, chance, signal }) => {
    for (let times = chance.between(1, 5); times > 0; times--) {
      network.proxy(link).resetAll()
      await pause(chance.between(100, 1_500), signal)
    }
  },
}))

const refusals = links.map((link): FaultKind => ({
  ...aboutOne(link),
  name: `net-refuse-${link}`,
  weight: 0.5,
  inject: (context) =>
    held(context, link, (proxy) => {
      proxy.refuse(true)
      proxy.resetAll()
    }),
}))

interface Slowness {
  readonly name: string
  readonly direction: 'both' | 'to client' | 'to server'
  readonly behaviour: Behaviour
}

const slownesses: readonly Slowness[] = [
  { name: 'black-hole', direction: 'both', behaviour: { kind: 'black hole' } },
  { name: 'half-open', direction: 'to client', behaviour: { kind: 'stall' } },
  {
    name: 'slow',
    direction: 'both',
    // The figures of Kafka's own round-trip test: 100 ms and 3,000 kbit/s.
    behaviour: { kind: 'slow', delayMs: 100, jitterMs: 50, bytesPerSecond: 375_000 },
  },
]

const slowed = links.flatMap((link) =>
  slownesses.map(({ name, direction, behaviour }): FaultKind => ({
    ...aboutOne(link),
    name: `net-${name}-${link}`,
    weight: 0.4,
    inject: (context) =>
      held(context, link, (proxy) => {
        proxy.behave(direction, behaviour)
      }),
  })),
)

async function held(
  { network, chance, signal }: FaultContext,
  link: Link,
  begin: (proxy: ReturnType<FaultContext['network']['proxy']>) => void,
): Promise<void> {
  const proxy = network.proxy(link)
  begin(proxy)
  try {
    await pause(chance.between(3_000, 15_000), signal)
  } finally {
    proxy.calm()
  }
}

/** Requests that are applied and never answered: Kafka's by their number, the others by what they contain. */
const lostReplies = [
  { name: 'produce', link: 'kafka', match: { apiKey: 0 } },
  { name: 'offset-commit', link: 'kafka', match: { apiKey: 8 } },
  { name: 'init-producer', link: 'kafka', match: { apiKey: 22 } },
  { name: 'end-transaction', link: 'kafka', match: { apiKey: 26 } },
  { name: 'transaction-offsets', link: 'kafka', match: { apiKey: 28 } },
  { name: 'script', link: 'redis', match: { containing: 'evalsha' } },
  { name: 'insert', link: 'clickhouse', match: { containing: 'INSERT' } },
] as const

const waitMs = 15_000

const unanswered = lostReplies.map(({ name, link, match }): FaultKind => ({
  ...aboutOne(link),
  name: `net-reply-lost-${name}`,
  weight: 0.8,
  inject: async ({ network, note, pidOf, signal, patience }) => {
    const proxy = network.proxy(link)
    // A producer is made when partitions are taken over.
    if (name === 'init-producer') signalTo(await pidOf('enricher'), 'SIGKILL')
    const lost = await Promise.race([
      proxy.loseNextReply(match).then(() => true),
      pause(waitMs * patience, signal).then(() => false),
    ])
    if (!lost) note('no such request came')
    proxy.calm()
  },
}))

/** A commit that arrives when its sender has long gone on: the late EndTxn must not end a later transaction. */
const endTxnHeld = [true, false].map((cutSender): FaultKind => ({
  ...aboutOne('kafka'),
  name: cutSender ? 'net-end-transaction-late' : 'net-end-transaction-slow',
  weight: 1,
  inject: async ({ network, note, chance, signal, patience }) => {
    const proxy = network.proxy('kafka')
    const hold = proxy.holdNext(26, { forMs: chance.between(1_000, 10_000), cutSender })
    const arrived = await Promise.race([
      hold.released.then(() => true),
      pause(waitMs * patience, signal).then(() => false),
    ])
    if (!arrived) note('no transaction ended')
    proxy.calm()
  },
}))

export const networkKinds: readonly FaultKind[] = [
  ...resets,
  ...refusals,
  ...slowed,
  ...unanswered,
  ...endTxnHeld,
]
