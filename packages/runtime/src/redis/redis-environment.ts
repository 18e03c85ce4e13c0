import { z } from 'zod'

/** REDIS_URL, or REDIS_HOST with REDIS_PORT, as `{ redisUrl }`. */
export const redisEnvironment = z
  .object({
    REDIS_URL: z
      .string()
      .regex(/^rediss?:\/\//, 'expected redis://host:port')
      .optional(),
    REDIS_HOST: z.string().min(1).optional(),
    REDIS_PORT: z.coerce.number().int().min(1).max(65_535).default(6_379),
  })
  .transform(({ REDIS_URL: url, REDIS_HOST: host, REDIS_PORT: port }, context) => {
    if (url !== undefined) return { redisUrl: url }
    if (host !== undefined) return { redisUrl: `redis://${host}:${port}` }
    context.addIssue({
      code: 'custom',
      path: ['REDIS_URL'],
      message: 'set REDIS_URL, or REDIS_HOST and REDIS_PORT',
    })
    return z.NEVER
  })
