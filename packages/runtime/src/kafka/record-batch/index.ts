export { batchContext, decodeRecords, endOfBatch, FetchedRecord } from './decode.ts'
export { encodeBatch, type RecordToWrite } from './encode.ts'
export { attribute, head, magic } from './layout.ts'
