import { createHash } from 'node:crypto'
import { replyCode } from './errors.ts'
import type { RedisClient } from './redis-client.ts'

/** A Lua script: its name for errors, its text, and how many KEYS it takes. */
export interface Script {
  readonly name: string
  readonly source: string
  readonly keys: number | 'any number'
}

/**
 * Runs a script by its hash, and by its text where the server does not know it yet (after a restart or a failover).
 * @throws like RedisClient.run
 */
export async function runScript(
  client: RedisClient,
  script: Script,
  input: { readonly keys: readonly string[]; readonly args: readonly (string | number)[] },
): Promise<unknown> {
  const { length } = input.keys
  if (script.keys !== 'any number' && length !== script.keys) {
    throw new TypeError(`${script.name} takes ${script.keys} keys, got ${length}`)
  }
  const values = [...input.keys, ...input.args]
  return await client.run(script.name, async (redis) => {
    try {
      return await redis.evalsha(hashOf(script), length, ...values)
    } catch (error) {
      if (replyCode(error) !== 'NOSCRIPT') throw error
      return await redis.eval(script.source, length, ...values)
    }
  })
}

const hashes = new WeakMap<Script, string>()

function hashOf(script: Script): string {
  const known = hashes.get(script)
  if (known !== undefined) return known
  const hash = createHash('sha1').update(script.source).digest('hex')
  hashes.set(script, hash)
  return hash
}
