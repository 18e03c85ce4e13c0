export { MemoryBroker, type CommitFate } from './memory-broker.ts'
export { startMemoryReader, type MemoryReaderOptions } from './memory-reader.ts'
