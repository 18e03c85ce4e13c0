export { rejectFrame } from './frame-rejection.ts'
export type { Rejection } from './loadable.ts'
