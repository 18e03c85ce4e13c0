import { FaultlineError } from '@faultline/runtime/errors'
import { runTool } from '@faultline/runtime/lifecycle'
import { parseRebuildConfig } from './config.ts'

runTool(() => {
  parseRebuildConfig(process.env)
  throw new FaultlineError('NOT_FOUND', 'the rebuild is not built yet')
})
