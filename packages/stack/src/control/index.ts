export { findSupervisor, requireSupervisor, type RunningSupervisor } from './client.ts'
export type { StackStatus } from './protocol.ts'
