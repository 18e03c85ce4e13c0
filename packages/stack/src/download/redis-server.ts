import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { FaultlineError } from '@faultline/runtime/errors'

const run = promisify(execFile)

/** Version of `redis-server --version` (`Redis server v=7.0.15 sha=…`) as [major, minor], or undefined. */
export function redisVersion(output: string): readonly [number, number] | undefined {
  const groups = /v=(?<major>\d+)\.(?<minor>\d+)/.exec(output)?.groups
  return groups === undefined ? undefined : [Number(groups['major']), Number(groups['minor'])]
}

/** Redis 6.2 brought what the scripts use (ZADD GT, LMPOP-free rankings, XADD with NOMKSTREAM). */
export function isNewEnough([major, minor]: readonly [number, number]): boolean {
  return major > 6 || (major === 6 && minor >= 2)
}

/** Whether the `redis-server` of the PATH can be used. */
export async function hasRedisServer(
  env: Readonly<Record<string, string | undefined>>,
): Promise<boolean> {
  try {
    const { stdout } = await run('redis-server', ['--version'], { env })
    const version = redisVersion(stdout)
    return version !== undefined && isNewEnough(version)
  } catch {
    return false
  }
}

const binaries: Readonly<Record<string, string>> = {
  'linux-x64': 'redis-server-6.2.6-v5-linux-amd64',
  'linux-arm64': 'redis-server-6.2.7-linux-arm64',
  'darwin-x64': 'redis-server-6.2.6-v5-darwin-amd64',
  'darwin-arm64': 'redis-server-6.2.6-v5-darwin-arm64',
}

/**
 * Name of the Redis binary for this machine inside the embedded-redis jar.
 * @throws FaultlineError TOOL_MISSING where there is none
 */
export function embeddedRedisBinary(platform: string, arch: string): string {
  const binary = binaries[`${platform}-${arch}`]
  if (binary !== undefined) return binary
  throw new FaultlineError('TOOL_MISSING', `no Redis binary is known for ${platform} on ${arch}`, {
    remedy: 'Install redis-server 6.2 or newer on the PATH, or give REDIS_URL.',
  })
}
