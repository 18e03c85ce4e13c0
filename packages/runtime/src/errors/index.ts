export { errorCatalogue, type ErrorCode, type ErrorEntry } from './error-catalogue.ts'
export { FaultlineError, isFaultlineError, messageOf, systemCode } from './faultline-error.ts'
