import { hourMs, offsetTo2106, setClock } from '../../tools/clock/clock-options.ts'
import { pause } from '../pause.ts'
import { applications, limits, type FaultKind } from './kind.ts'

/** The clock of an application is wrong for some seconds. Nothing that is stored may depend on it, nor any order. */
export const clockKinds: readonly FaultKind[] = applications.map((app): FaultKind => ({
  name: `clock-${app}`,
  weight: 0.4,
  touches: [app],
  stalls: [],
  limitSeconds: limits.application,
  inject: async ({ product, chance, note, signal }) => {
    const [what, offset] = chance.pick([
      ['an hour ahead', hourMs],
      ['an hour behind', -hourMs],
      ['2106', offsetTo2106(Date.now())],
    ] as const)
    note(what)
    setClock(product.clockFolder, app, offset)
    try {
      await pause(chance.between(3_000, 10_000), signal)
    } finally {
      setClock(product.clockFolder, app, 0)
    }
  },
}))
