import { isFaultlineError } from '@faultline/runtime/errors'

/** A store or the broker is away, or Redis lost data that its consumer is about to apply again. */
export function isAway(error: unknown): boolean {
  return (
    isFaultlineError(error, 'SERVING_STORE_BEHIND') ||
    (isFaultlineError(error) && error.disposition === 'retry')
  )
}
