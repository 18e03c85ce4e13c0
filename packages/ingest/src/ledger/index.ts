export { BatchCommitter, type BatchToCommit } from './batch-committer.ts'
export { pruneLedger, readLedger, type LedgerChange, type LedgerEntry } from './ledger.ts'
