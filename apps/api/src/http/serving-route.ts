import type { ZodRawShape } from 'zod'
import type { Progress } from '../ports/progress.ts'
import type { ProgressWait } from '../progress-wait.ts'
import { minOffset, type Offset } from './fields.ts'
import { z } from './openapi-zod.ts'
import type { HttpErrorCode } from './problem.ts'
import { jsonRoute, type Answer, type JsonRoute, type ValidRequest } from './route.ts'

/** An answer out of a store: it says how far that had come. */
interface ServingAnswer<R> extends Answer<R> {
  readonly asOf: Progress
}

interface ServingShape<P, Q extends ZodRawShape, B, R> {
  readonly method: 'get' | 'post'
  readonly path: string
  readonly tag: string
  readonly summary: string
  readonly description?: string
  readonly params?: z.ZodType<P>
  /** Besides min_offset. */
  readonly query?: Q
  readonly body?: z.ZodType<B>
  /** Besides those of waiting for an offset. */
  readonly errors: readonly HttpErrorCode[]
  readonly handle: (
    request: ValidRequest<P, z.infer<z.ZodObject<Q>>, B>,
  ) => Promise<ServingAnswer<R>>
  readonly response: z.ZodType<R>
}

/** A route that is answered from a store: it takes `min_offset`, and its answer carries `Faultline-As-Of`. */
export function servingRoute<P, Q extends ZodRawShape, B, R>(
  progressWait: ProgressWait | ((query: z.infer<z.ZodObject<Q>>) => ProgressWait),
  { query, errors, handle, ...shape }: ServingShape<P, Q, B, R>,
): JsonRoute {
  const route = jsonRoute({
    ...shape,
    query: z.strictObject({ ...query, min_offset: minOffset }),
    errors: [...errors, 'OFFSET_NOT_REACHED', 'RATE_LIMITED'],
    handle: async (request) => {
      // The types of a spread of unknown fields are lost; that they passed their schemas is not.
      const { min_offset: wanted = [], ...rest } = request.query as { min_offset?: Offset[] }
      const inner = { ...request, query: rest } as ValidRequest<P, z.infer<z.ZodObject<Q>>, B>
      const wait = typeof progressWait === 'function' ? progressWait(inner.query) : progressWait
      return wait.reading(wanted, () => handle(inner))
    },
  })
  return { ...route, hasAsOf: true }
}
