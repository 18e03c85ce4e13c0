import { existsSync } from 'node:fs'
import { cp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createLogger } from '@faultline/runtime/logging'
import { connectRedis } from '@faultline/runtime/redis'
import { stackFolders } from '@faultline/stack/layout'
import { killProcess, pauseProcess } from './stack-processes.ts'

/** The server's own folder, whatever version it is: an append-only file, or a folder of them. */
function dataFolder(home: string): string {
  return stackFolders(home).data('redis')
}

/** Copies what the stack's Redis holds now to a folder, for `restartRedisOn`. Redis stands still for some milliseconds. */
export async function keepRedisData(home: string, copy: string): Promise<void> {
  const goOn = pauseProcess(home, 'redis')
  try {
    await rm(copy, { recursive: true, force: true })
    await cp(dataFolder(home), copy, { recursive: true })
  } finally {
    goOn()
  }
}

/**
 * Kills the stack's Redis, and the supervisor starts it with older data: what a failover to a replica that lags behind does.
 * Null: with none. Gives the killed process id.
 */
export async function restartRedisOn(home: string, copy: string | null): Promise<number> {
  if (copy !== null && !existsSync(copy)) throw new Error(`there is no copy of Redis at ${copy}`)
  // It writes no more, and the supervisor cannot start it before its files are in place.
  const goOn = pauseProcess(home, 'redis')
  try {
    // The folder itself stays: the next server is started in it.
    for (const name of await readdir(dataFolder(home))) {
      await rm(join(dataFolder(home), name), { recursive: true })
    }
    if (copy !== null) await cp(copy, dataFolder(home), { recursive: true })
    return await killProcess(home, 'redis')
  } finally {
    goOn()
  }
}

/** Sends one command, `FLUSHALL` or `CONFIG SET maxmemory 1mb`, and gives the reply. */
export async function redisCommand(
  redisUrl: string,
  name: string,
  ...args: readonly string[]
): Promise<unknown> {
  const logger = createLogger('redis-command', 'silent')
  const connection = await connectRedis({ url: redisUrl, clientName: 'fault', logger })
  try {
    return await connection.value.run(name, (redis) => redis.call(name, ...args))
  } finally {
    await connection.stop()
  }
}
