import { systemClock } from '@faultline/runtime/clock'
import { createLogger } from '@faultline/runtime/logging'
import { runProcess } from '@faultline/runtime/lifecycle'
import { parseConfig } from './config.ts'
import { startDemoFleet } from './demo-fleet.ts'

const logger = createLogger('demo-fleet', process.env['LOG_LEVEL'])

runProcess(logger, (context) => startDemoFleet(parseConfig(process.env), context, systemClock))
