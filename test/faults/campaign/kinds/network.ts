import { links, type Action, type Link } from '../network.ts'
import { pause } from '../pause.ts'
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
      await network.tell(link, { kind: 'reset' })
      await pause(chance.between(100, 1_500), signal)
    }
  },
}))

const refusals = links.map((link): FaultKind => ({
  ...aboutOne(link),
  name: `net-refuse-${link}`,
  weight: 0.5,
  inject: (context) => held(context, link, { kind: 'refuse' }),
}))

const slownesses: readonly (Extract<Action, { kind: 'behave' }> & { readonly name: string })[] = [
  { name: 'black-hole', kind: 'behave', direction: 'both', behaviour: { kind: 'black hole' } },
  { name: 'half-open', kind: 'behave', direction: 'to client', behaviour: { kind: 'stall' } },
  {
    name: 'slow',
    kind: 'behave',
    direction: 'both',
    // The figures of Kafka's own round-trip test: 100 ms and 3,000 kbit/s.
    behaviour: { kind: 'slow', delayMs: 100, jitterMs: 50, bytesPerSecond: 375_000 },
  },
]

const slowed = links.flatMap((link) =>
  slownesses.map(({ name, ...action }): FaultKind => ({
    ...aboutOne(link),
    name: `net-${name}-${link}`,
    weight: 0.4,
    inject: (context) => held(context, link, action),
  })),
)

async function held(
  { network, chance, signal }: FaultContext,
  link: Link,
  action: Action,
): Promise<void> {
  await network.tell(link, action)
  try {
    await pause(chance.between(3_000, 15_000), signal)
  } finally {
    await network.tell(link, { kind: 'calm' })
  }
}

/** Waits for what may never come: nobody sends such a request meanwhile. */
async function comes(
  { network, note, signal, patience }: FaultContext,
  link: Link,
  action: Action,
): Promise<void> {
  const hasCome = await Promise.race([
    network.tell(link, action).then(() => true),
    pause(waitMs * patience, signal).then(() => false),
  ])
  if (!hasCome) note('no such request came')
  await network.tell(link, { kind: 'calm' })
}

const waitMs = 15_000

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

const unanswered = lostReplies.map(({ name, link, match }): FaultKind => ({
  ...aboutOne(link),
  name: `net-reply-lost-${name}`,
  weight: 0.8,
  inject: async (context) => {
    // A producer is made when partitions are taken over.
    if (name === 'init-producer') signalTo(await context.pidOf('enricher'), 'SIGKILL')
    await comes(context, link, { kind: 'lose reply', match })
  },
}))

/** A commit that arrives when its sender has long gone on: the late EndTxn must not end a later transaction. */
const endTxnHeld = [true, false].map((cutSender): FaultKind => ({
  ...aboutOne('kafka'),
  name: cutSender ? 'net-end-transaction-late' : 'net-end-transaction-slow',
  weight: 1,
  inject: (context) => {
    const forMs = context.chance.between(1_000, 10_000)
    return comes(context, 'kafka', { kind: 'hold', apiKey: 26, forMs, cutSender })
  },
}))

export const networkKinds: readonly FaultKind[] = [
  ...resets,
  ...refusals,
  ...slowed,
  ...unanswered,
  ...endTxnHeld,
]
