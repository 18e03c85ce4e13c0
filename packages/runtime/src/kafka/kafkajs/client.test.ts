import { expect, it } from 'vitest'
import { createLogger } from '../../logging/index.ts'
import { createKafka } from './client.ts'

// Hypothesis: a new version of kafkajs ignores the level, and offsets are stable ones again, which nothing else would show.
it('asks for high watermarks where kafkajs names no isolation level, and leaves consumers theirs', () => {
  const logger = createLogger('test', 'silent')
  const kafka = createKafka({ brokers: ['127.0.0.1:1'], clientId: 'test', logger })
  const name = Object.getOwnPropertySymbols(kafka).find(
    ({ description }) => description === 'private:Kafka:createCluster',
  )
  const create = Reflect.get(kafka, name ?? '') as (options: object) => { isolationLevel: number }
  expect(create({}).isolationLevel).toBe(0)
  expect(create({ isolationLevel: 1 }).isolationLevel).toBe(1)
})
