import { systemClock } from '@faultline/runtime/clock'
import { runProcess } from '@faultline/runtime/lifecycle'
import { createLogger } from '@faultline/runtime/logging'
import { parseConfig } from './config.ts'
import { startPostgresKeeper } from './postgres-keeper.ts'

const logger = createLogger('postgres-keeper', process.env['LOG_LEVEL'])

runProcess(logger, (context) => startPostgresKeeper(parseConfig(process.env), context, systemClock))
