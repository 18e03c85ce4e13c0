import { systemClock } from '@faultline/runtime/clock'
import { runProcess } from '@faultline/runtime/lifecycle'
import { createLogger } from '@faultline/runtime/logging'
import { parseConfig } from './config.ts'
import { startSink } from './sink.ts'

const logger = createLogger('clickhouse-sink', process.env['LOG_LEVEL'])

runProcess(logger, (context) => startSink(parseConfig(process.env), context, systemClock))
