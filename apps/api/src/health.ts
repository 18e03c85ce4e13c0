import { isFaultlineError } from '@faultline/runtime/errors'
import type { ServingReader } from './ports/serving-reader.ts'
import type { WarehouseReader } from './ports/warehouse-reader.ts'

type Reachability = 'up' | 'down'

export interface ApiReadiness {
  readonly ready: boolean
  readonly servingStore: Reachability
  readonly warehouse: Reachability
  readonly isStopping: boolean
}

/**
 * The API is ready while the serving store answers and it is not stopping. The warehouse is reported and does not count:
 * without it only the history is missing, and taking the rankings away as well would help nobody.
 */
export class ApiHealth {
  readonly #serving: ServingReader
  readonly #warehouse: WarehouseReader
  #isStopping = false

  constructor(deps: { readonly serving: ServingReader; readonly warehouse: WarehouseReader }) {
    this.#serving = deps.serving
    this.#warehouse = deps.warehouse
  }

  /** From here on /readyz says no, so that a balancer sends nobody. */
  stopping(): void {
    this.#isStopping = true
  }

  async readiness(): Promise<ApiReadiness> {
    const [servingStore, warehouse] = await Promise.all([
      reach(this.#serving.progress()),
      reach(this.#warehouse.ping()),
    ])
    return {
      ready: servingStore === 'up' && !this.#isStopping,
      servingStore,
      warehouse,
      isStopping: this.#isStopping,
    }
  }
}

async function reach(question: Promise<unknown>): Promise<Reachability> {
  try {
    await question
    return 'up'
  } catch (error) {
    if (isFaultlineError(error)) return 'down'
    throw error
  }
}
