/**
 * Where a change stands in PostgreSQL's commit order. An LSN alone does not tell: a transaction that wrote first may commit
 * last. `commit` is the end of the transaction committed before this one, `lsn` the change's own place in the log; compared
 * in this order they give the order in which readers of the database saw the changes.
 */
export interface LogPosition {
  readonly commit: number
  readonly lsn: number
}

export function comparePositions(a: LogPosition, b: LogPosition): number {
  return a.commit - b.commit || a.lsn - b.lsn
}
