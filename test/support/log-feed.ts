import { ServingExpectation, type ExpectationSettings } from '@faultline/audit/serving'
import type { OffsetVector } from '@faultline/audit/report'
import { FaultlineError } from '@faultline/runtime/errors'
import type { LoggedRecord } from './serving-logs.ts'

/** An expectation over logs in memory, brought forward as an audit asks. */
export function feedOf(logs: readonly (readonly LoggedRecord[])[], settings: ExpectationSettings) {
  const expectation = new ServingExpectation(settings)
  const folded = new Map<number, number>()
  const advance = (offsets: OffsetVector): Promise<void> => {
    for (const [partition, log] of logs.entries()) {
      const end = (log.at(-1)?.offset ?? -1) + 1
      const [from, to] = [folded.get(partition) ?? 0, offsets.get(partition) ?? 0]
      if (to > end) {
        const context = { partition, end }
        return Promise.reject(new FaultlineError('POSITION_UNKNOWN', 'beyond the end', { context }))
      }
      if (to < from)
        return Promise.reject(new FaultlineError('SERVING_STORE_BEHIND', 'it went back'))
      for (const { offset, device_id, measurement } of log) {
        if (offset >= from && offset < to) {
          expectation.apply(partition, offset, device_id, measurement)
        }
      }
      if (to > from) expectation.passed(partition, to)
      folded.set(partition, to)
    }
    return Promise.resolve()
  }
  return { expectation, advance }
}
