import { z } from 'zod'
import { parseEnvironment } from '@faultline/runtime/config'
import { redisEnvironment } from '@faultline/runtime/redis'

/** @throws FaultlineError CONFIG_INVALID, naming every problem */
export function parseRebuildConfig(env: Readonly<Record<string, string | undefined>>) {
  return parseEnvironment(z.object({}).and(redisEnvironment), env)
}
