import { systemClock } from '@faultline/runtime/clock'
import { createLogger } from '@faultline/runtime/logging'
import { runProcess } from '@faultline/runtime/lifecycle'
import { parseConfig } from './config.ts'
import { startMqttSource } from './mqtt-source.ts'

const logger = createLogger('mqtt-source', process.env['LOG_LEVEL'])

runProcess(logger, (context) => startMqttSource(parseConfig(process.env), context, systemClock))
