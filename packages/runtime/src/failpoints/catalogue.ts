/**
 * Every failpoint: a named moment at which a test may kill or stop the process. docs/failpoints.md says for each where it is
 * and what must hold after a kill there.
 */
export const failpointNames = [
  'enricher.polled',
  'enricher.fenced-offset-unread',
  'enricher.restoring',
  'enricher.offset-read-unsought',
  'enricher.committed-memory-behind',
  'enricher.released',
  'transaction.begun',
  'transaction.first-sent',
  'transaction.send-unanswered',
  'transaction.all-sent',
  'transaction.offsets-sent',
  'transaction.end-unanswered',
  'redis.polled',
  'redis.epoch-taken',
  'redis.script-unanswered',
  'redis.applied-hint-due',
  'redis.mid-rebuild',
  'redis.rebuild-verified-not-swapped',
  'redis.rebuild-swap-sent',
  'redis.rebuild-swapped-old-alive',
  'sink.batch-formed',
  'sink.batch-split',
  'sink.insert-unanswered',
  'sink.stored-offset-behind',
  'sink.offset-stored-roll-up-due',
  'clickhouse.migration-half-done',
  'api.between-events',
  'supervisor.locked',
  'supervisor.data-half-made',
  'supervisor.back-end-up',
  'supervisor.running',
  'supervisor.stopping',
] as const

export type Failpoint = (typeof failpointNames)[number]
