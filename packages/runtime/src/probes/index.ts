/** Each resolves when the server answers as it should when serving, and rejects otherwise. None retries. */
export { probePostgres } from './probe-postgres.ts'
export { probeRedis } from './probe-redis.ts'
