import { expect, it } from 'vitest'
import { parseConfig } from './config.ts'

const withoutRedis = {
  KAFKA_BOOTSTRAP: '127.0.0.1:9092',
  SCHEMA_REGISTRY_URL: 'http://127.0.0.1:8081',
  OPS_LISTEN: '127.0.0.1:7500',
}
const required = { ...withoutRedis, REDIS_URL: 'redis://127.0.0.1:6379' }

it('needs addresses only', () => {
  expect(parseConfig(required)).toMatchObject({
    redisUrl: 'redis://127.0.0.1:6379',
    topic: 'enriched_measurements',
    start: { at: 'earliest' },
    refusedConsecutiveMax: 10_000,
    ranking: { halfLifeMs: 3_600_000, streamEventsMax: 10_000, windowEventsMax: 250_000 },
  })
})

it('takes Redis by host and port as well', () => {
  expect(parseConfig({ ...withoutRedis, REDIS_HOST: 'cache', REDIS_PORT: '7000' }).redisUrl).toBe(
    'redis://cache:7000',
  )
})

it('names every problem', () => {
  expect(() =>
    parseConfig({ ...required, REDIS_URL: 'http://x', FAULT_HALF_LIFE_MS: '10' }),
  ).toThrow(/REDIS_URL.*FAULT_HALF_LIFE_MS|FAULT_HALF_LIFE_MS.*REDIS_URL/)
  expect(() => parseConfig(withoutRedis)).toThrow('REDIS_URL')
})
