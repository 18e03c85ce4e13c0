import { systemClock } from '@faultline/runtime/clock'
import { createLogger } from '@faultline/runtime/logging'
import { runProcess } from '@faultline/runtime/lifecycle'
import { startEnricher } from './enricher.ts'
import { parseConfig } from './config.ts'

const logger = createLogger('enricher', process.env['LOG_LEVEL'])

runProcess(logger, (context) => startEnricher(parseConfig(process.env), context, systemClock))
