export { ensureTopics } from './ensure-topics.ts'
export { probeKafka } from './probe-kafka.ts'
