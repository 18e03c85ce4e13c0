import { systemClock } from '@faultline/runtime/clock'
import { createLogger } from '@faultline/runtime/logging'
import { runProcess } from '@faultline/runtime/lifecycle'
import { parseConfig } from './config.ts'
import { startRedisConsumer } from './redis-consumer.ts'

const logger = createLogger('redis-consumer', process.env['LOG_LEVEL'])

runProcess(logger, (context) => startRedisConsumer(parseConfig(process.env), context, systemClock))
