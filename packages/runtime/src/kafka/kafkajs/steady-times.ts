import { createRequire } from 'node:module'

/**
 * Times that kafkajs compares with the wall clock, made to hold through a clock that is set. Its heartbeats wait until so much time has passed
 * since the last one: after a clock was ahead for a moment the next one was due when it had caught up, the member was put out of its group,
 * and learned of it by no answer. A request that hangs is given up after so much time since it was sent, and after a clock was set
 * back it was not.
 */
const require = createRequire(import.meta.url)

const times = [
  { of: 'kafkajs/src/consumer/consumerGroup', name: 'lastRequest' },
  { of: 'kafkajs/src/network/requestQueue/socketRequest', name: 'sentAt' },
] as const

type Owner = Record<symbol, number | null | undefined>

/** What the property is set to is "now" or null; it answers the time of the clock as it is now, less what has passed since. */
function keepSteady({ of, name }: (typeof times)[number]): void {
  const { prototype } = require(of) as { readonly prototype: object }
  const since = Symbol(name)
  Object.defineProperty(prototype, name, {
    configurable: true,
    set(this: Owner, time: number | null) {
      this[since] = time === null ? null : performance.now()
    },
    get(this: Owner) {
      const at = this[since] ?? null
      return at === null ? null : Date.now() - (performance.now() - at)
    },
  })
}

export function keepTimesSteady(): void {
  for (const time of times) keepSteady(time)
}
