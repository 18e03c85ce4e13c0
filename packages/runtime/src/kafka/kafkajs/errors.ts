import { FaultlineError } from '../../errors/index.ts'

/** The chain of an error and its causes; kafkajs wraps the broker's error in retry errors. */
function* chain(error: unknown): Generator<object> {
  let current = error
  for (let depth = 0; depth < 8 && typeof current === 'object' && current !== null; depth++) {
    yield current
    current = 'cause' in current ? current.cause : undefined
  }
}

/** The broker's error type (`INVALID_PRODUCER_EPOCH`, …) of a kafkajs error or of one of its causes. */
function brokerErrorType(error: unknown): string | undefined {
  for (const link of chain(error)) {
    if ('type' in link && typeof link.type === 'string') return link.type
  }
  return undefined
}

const fencing = new Set([
  'INVALID_PRODUCER_EPOCH',
  'PRODUCER_FENCED',
  'TRANSACTION_COORDINATOR_FENCED',
  'INVALID_PRODUCER_ID_MAPPING',
])
const rebalancing = new Set([
  'REBALANCE_IN_PROGRESS',
  'NOT_COORDINATOR_FOR_GROUP',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
])

export function isFencing(error: unknown): boolean {
  const type = brokerErrorType(error)
  return type !== undefined && fencing.has(type)
}

/** The coordinator still writes the markers of the transaction before. */
export function isTransactionEnding(error: unknown): boolean {
  return brokerErrorType(error) === 'CONCURRENT_TRANSACTIONS'
}

/** The same of a line of kafkajs's log, which has every refusal as an error and only its text; this one follows many a commit. */
export function isTextOfEnding(text: unknown): boolean {
  return typeof text === 'string' && text.includes('another concurrent operation on the same')
}

/** Whether kafkajs thinks that asking again may help; it says so of what the broker answered and of broken connections. */
export function isRetriable(error: unknown): boolean {
  return error instanceof Error && 'retriable' in error && error.retriable === true
}

/** The kafkajs error inside `error` that tells the consumer's runner to join the group again, or undefined. */
export function rebalanceError(error: unknown): Error | undefined {
  for (const link of chain(error)) {
    if (link instanceof Error && 'type' in link && rebalancing.has(String(link.type))) return link
  }
  return undefined
}

/** What made a consumer give up: most often a coordinator that is not there yet. The supervisor's restart is the way out. */
export function consumerCrash(error: unknown): FaultlineError {
  return asBrokerUnavailable(error, 'the consumer gave up')
}

/** Anything kafkajs throws outside a transaction: the broker could not be asked. */
export function asBrokerUnavailable(error: unknown, what: string): FaultlineError {
  if (error instanceof FaultlineError) return error
  return new FaultlineError('BROKER_UNAVAILABLE', `Kafka did not answer: ${what}`, {
    cause: error,
    context: { type: brokerErrorType(error) },
    remedy: 'Check KAFKA_BOOTSTRAP and that the broker runs.',
  })
}
