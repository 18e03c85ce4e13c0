import { setPriority } from 'node:os'
import { systemClock } from '@faultline/runtime/clock'
import { runProcess } from '@faultline/runtime/lifecycle'
import { createLogger } from '@faultline/runtime/logging'
import { startAuditor } from './auditor.ts'
import { parseAuditorConfig } from './config.ts'

// What is shown has to be fresh, the proof of it can wait: on a small machine the processor belongs to the way to Redis.
setPriority(15)

const logger = createLogger('auditor', process.env['LOG_LEVEL'])

runProcess(logger, (context) => startAuditor(parseAuditorConfig(process.env), context, systemClock))
