export { TopicFold } from './topic-fold.ts'
