import { environment as names } from '@faultline/contracts/environment'
import { z } from 'zod'

/** REDIS_URL, or REDIS_HOST with REDIS_PORT, as `{ redisUrl }`. */
export const redisEnvironment = z
  .object({
    REDIS_URL: z
      .string()
      .regex(/^rediss?:\/\//, 'expected redis://host:port')
      .optional(),
    [names.redisHost]: z.string().min(1).optional(),
    [names.redisPort]: z.coerce.number().int().min(1).max(65_535).default(6_379),
  })
  .transform(
    ({ [names.redisUrl]: url, [names.redisHost]: host, [names.redisPort]: port }, context) => {
      if (url !== undefined) return { redisUrl: url }
      if (host !== undefined) return { redisUrl: `redis://${host}:${port}` }
      context.addIssue({
        code: 'custom',
        path: [names.redisUrl],
        message: 'set REDIS_URL, or REDIS_HOST and REDIS_PORT',
      })
      return z.NEVER
    },
  )
