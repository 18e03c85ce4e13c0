import { comparePositions, type LogPosition } from './log-position.ts'

/** A row as it was from `position` on; null where it was deleted. */
export interface Version<Row> {
  readonly position: LogPosition
  readonly row: Row | null
}

/** A row that exists. */
export interface Present<Row> extends Version<Row> {
  readonly row: Row
}

/** Versions kept of one key; more than this and the oldest is forgotten, so that nothing grows without a bound. */
const versionsMax = 1_000

/**
 * A table with its history, so that a measurement joins the row that was committed before it, now and at every replay.
 * Rows arrive in commit order as a rule; a row seen again changes nothing.
 */
export class VersionedTable<Row> {
  readonly #versions = new Map<string, Version<Row>[]>()
  readonly #deleted = new Set<string>()
  #deletions = 0

  apply(key: string, version: Version<Row>): void {
    const versions = this.#versions.get(key) ?? []
    if (versions.length === 0) this.#versions.set(key, versions)
    let at = versions.length
    while (at > 0 && comparePositions(elementAt(versions, at - 1).position, version.position) > 0)
      at--
    const before = versions[at - 1]
    if (before !== undefined && comparePositions(before.position, version.position) === 0) {
      versions[at - 1] = version
    } else {
      versions.splice(at, 0, version)
    }
    if (versions.length > versionsMax) versions.shift()
    if (elementAt(versions, versions.length - 1).row === null) {
      this.#deleted.add(key)
      this.#deletions++
    } else this.#deleted.delete(key)
  }

  /** All keys are gone from `position` on. */
  truncate(position: LogPosition): void {
    for (const key of this.#versions.keys()) this.apply(key, { position, row: null })
  }

  /**
   * The row that counts for something committed at `position`: the newest one committed before it; where there is none (not
   * registered yet, or deleted) the first one after it, which is what something that waited for its registration gets.
   */
  asOf(key: string, position: LogPosition): Present<Row> | undefined {
    const versions = this.#versions.get(key)
    if (versions === undefined) return undefined
    let before = versions.length - 1
    while (before >= 0 && comparePositions(elementAt(versions, before).position, position) > 0)
      before--
    const counting = versions[before]
    if (counting !== undefined && isPresent(counting)) return counting
    return versions.slice(before + 1).find(isPresent)
  }

  /** Whether the key was deleted later than `after` and no later than `until`. */
  wasDeletedBetween(key: string, after: LogPosition, until: LogPosition): boolean {
    const isBetween = ({ position, row }: Version<Row>): boolean =>
      row === null &&
      comparePositions(position, after) > 0 &&
      comparePositions(position, until) <= 0
    return this.#versions.get(key)?.some(isBetween) ?? false
  }

  /** Since when the key is deleted; undefined while it exists, or was never known. */
  deletedSince(key: string): LogPosition | undefined {
    return this.#deleted.has(key) ? this.#versions.get(key)?.at(-1)?.position : undefined
  }

  /** The newest row of a key; null after its deletion, undefined where the key was never there. */
  newest(key: string): Row | null | undefined {
    return this.#versions.get(key)?.at(-1)?.row
  }

  /** How often a key's newest version became, or stayed, a deletion; it only grows. */
  get deletions(): number {
    return this.#deletions
  }

  isDeleted(key: string): boolean {
    return this.#deleted.has(key)
  }

  /** Keys whose newest version is a deletion. */
  deletedKeys(): Iterable<string> {
    return this.#deleted
  }
}

function isPresent<Row>(version: Version<Row>): version is Present<Row> {
  return version.row !== null
}

function elementAt<T>(items: readonly T[], index: number): T {
  const item = items[index]
  if (item === undefined) throw new Error(`no element ${index} of ${items.length}`)
  return item
}
