export { BatchPipeline } from './batch-pipeline.ts'
