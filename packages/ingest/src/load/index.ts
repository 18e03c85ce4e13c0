export { loadPath, type LoadProgress, type LoadResult } from './load.ts'
