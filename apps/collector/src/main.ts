import { systemClock } from '@faultline/runtime/clock'
import { createLogger } from '@faultline/runtime/logging'
import { runProcess } from '@faultline/runtime/lifecycle'
import { startCollector } from './collector.ts'
import { parseConfig } from './config.ts'

const logger = createLogger('collector', process.env['LOG_LEVEL'])

runProcess(logger, (context) => startCollector(parseConfig(process.env), context, systemClock))
