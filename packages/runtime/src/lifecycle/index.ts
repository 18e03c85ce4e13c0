export { Scope, type Started } from './component.ts'
export { progressLine, timeLeft } from './progress-line.ts'
export { runProcess, type ProcessContext } from './run-process.ts'
export { runTool } from './run-tool.ts'
