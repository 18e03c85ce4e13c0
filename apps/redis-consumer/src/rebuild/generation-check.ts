import type { OffsetVector, StoreAudit } from '@faultline/audit/report'
import { auditServing, ServingExpectation } from '@faultline/audit/serving'
import type { EnrichedMeasurement } from '@faultline/contracts/enriched-measurement'
import type { Clock } from '@faultline/runtime/clock'
import { FaultlineError } from '@faultline/runtime/errors'
import type { RedisClient } from '@faultline/runtime/redis'
import type { FoldSettings } from './fold/serving-fold.ts'
import type { Range } from './generation-feed.ts'

/**
 * What a generation must hold, counted beside the fold by code that shares nothing with it, and the comparison of the two. The database
 * must stand still at the offsets that were given here.
 */
export class GenerationCheck {
  readonly #expectation: ServingExpectation
  readonly #windowEventsMax: number
  readonly #clock: Clock

  constructor({ halfLifeMs, streamEventsMax, windowEventsMax }: FoldSettings, clock: Clock) {
    this.#expectation = new ServingExpectation({ halfLifeMs, streamEventsMax })
    this.#windowEventsMax = windowEventsMax
    this.#clock = clock
  }

  apply({ partition, nextOffset, records }: Range): void {
    for (const { offset, device_id, measurement } of records) {
      // The expectation reads what Redis serves; nothing else was decoded.
      const served = measurement as EnrichedMeasurement | null
      this.#expectation.apply(partition, offset, device_id, served)
    }
    this.#expectation.passed(partition, nextOffset)
  }

  /** @throws FaultlineError SERVING_STORE_UNAVAILABLE, SERVING_STORE_BEHIND (the database moved) */
  async audit(redis: RedisClient): Promise<StoreAudit> {
    return await auditServing({
      redis,
      expectation: this.#expectation,
      advance: (offsets) => this.#refuseOthers(offsets),
      windowEventsMax: this.#windowEventsMax,
      clock: this.#clock,
    })
  }

  #refuseOthers(offsets: OffsetVector): Promise<void> {
    const expected = this.#expectation.offsets()
    const isSame =
      offsets.size === expected.size &&
      [...offsets].every(([partition, next]) => expected.get(partition) === next)
    if (isSame) return Promise.resolve()
    return Promise.reject(
      new FaultlineError('SERVING_STORE_BEHIND', 'the new generation is not where it was written', {
        context: { offsets: [...offsets], expected: [...expected] },
      }),
    )
  }
}
