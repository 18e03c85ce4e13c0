export { rejectFrame } from './frame-rejection.ts'
export type { Rejection, RejectionReason } from './loadable.ts'
