export { auditServing, type ServingAuditOptions } from './audit-serving.ts'
export { ServingExpectation, type ExpectationSettings } from './expectation.ts'
