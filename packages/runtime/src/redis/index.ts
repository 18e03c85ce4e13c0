export { RedisClient, connectRedis, type RedisTransaction } from './redis-client.ts'
export { redisEnvironment } from './redis-environment.ts'
export { runScript, type Script } from './script.ts'
