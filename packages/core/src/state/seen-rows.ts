import { comparePositions, type LogPosition } from '../join/index.ts'

/** Row ids of one chunk: its bytes are a bitmap of them. */
export const rowsPerChunk = 8_192
const chunkBytes = rowsPerChunk / 8

/** A row of raw_measurements as it is delivered. Ids are whole numbers from 0 to 2^53 - 1. */
export interface DeliveredRow {
  readonly id: number
  readonly position: LogPosition
  /** From the log, in commit order; false for a row that a snapshot read. */
  readonly isStreamed: boolean
}

/** `unknown`: so long ago that it was forgotten whether the row was taken in. */
export type RowStanding = 'new' | 'seen' | 'unknown'

/** A chunk of the bitmap to be stored; null where it was forgotten. */
export interface ChunkChange {
  readonly chunk: number
  readonly bytes: Uint8Array | null
}

/** Ids below `floor` are forgotten; `newest` is the last streamed row in commit order. */
interface Edge {
  readonly floor: number
  readonly newest: { readonly position: LogPosition; readonly id: number }
}

const start: Edge = { floor: 0, newest: { position: { commit: -1, lsn: -1 }, id: -1 } }
const edgeBytes = 32

/**
 * Which rows of a partition were taken in: one bit for each row id, in chunks. Ids rise with time, so the chunks with the
 * lowest ids are forgotten when there are more than `chunksMax`, and nothing grows without a bound.
 *
 * Below that floor a streamed row is still known to be new when it comes later in commit order than every streamed row before:
 * Debezium delivers a row again at its old place in the log, never at a new one, and a snapshot does not read it before.
 */
export class SeenRows {
  readonly #chunksMax: number
  readonly #chunks = new Map<number, Uint8Array>()
  readonly #changed = new Set<number>()
  #edge = start
  #isEdgeChanged = false

  constructor(chunksMax: number) {
    this.#chunksMax = chunksMax
  }

  /** Position of the streamed row that came last in commit order; before everything when there was none. */
  get newestPosition(): LogPosition {
    return this.#edge.newest.position
  }

  standing(row: DeliveredRow): RowStanding {
    if (row.id >= this.#edge.floor) return this.#has(row.id) ? 'seen' : 'new'
    return row.isStreamed && this.#isNewest(row) ? 'new' : 'unknown'
  }

  /** Notes a row as taken in. */
  add(row: DeliveredRow): void {
    if (row.isStreamed && this.#isNewest(row)) {
      this.#setEdge({ ...this.#edge, newest: { position: row.position, id: row.id } })
    }
    if (row.id < this.#edge.floor) return
    const chunk = Math.floor(row.id / rowsPerChunk)
    const bytes = this.#chunks.get(chunk) ?? new Uint8Array(chunkBytes)
    const at = row.id % rowsPerChunk
    bytes[at >> 3] = (bytes[at >> 3] ?? 0) | (1 << (at & 7))
    this.#chunks.set(chunk, bytes)
    this.#changed.add(chunk)
    if (this.#chunks.size > this.#chunksMax) this.#forgetLowest()
  }

  /** Takes back that a row was taken in: it was refused after all. */
  remove(id: number): void {
    const chunk = Math.floor(id / rowsPerChunk)
    const bytes = this.#chunks.get(chunk)
    if (bytes === undefined) return
    const at = id % rowsPerChunk
    bytes[at >> 3] = (bytes[at >> 3] ?? 0) & ~(1 << (at & 7))
    this.#changed.add(chunk)
  }

  /** Chunks changed since the last call; the bytes are copies. */
  takeChunks(): ChunkChange[] {
    const changes = [...this.#changed].map((chunk) => {
      const bytes = this.#chunks.get(chunk)
      return { chunk, bytes: bytes === undefined ? null : new Uint8Array(bytes) }
    })
    this.#changed.clear()
    return changes
  }

  /** Floor and newest streamed row, when they changed since the last call: 4 f64, little endian. */
  takeEdge(): Uint8Array | null {
    if (!this.#isEdgeChanged) return null
    this.#isEdgeChanged = false
    const { floor, newest } = this.#edge
    const bytes = new Uint8Array(edgeBytes)
    const view = new DataView(bytes.buffer)
    const values = [floor, newest.position.commit, newest.position.lsn, newest.id]
    for (const [i, value] of values.entries()) view.setFloat64(i * 8, value, true)
    return bytes
  }

  /** Puts back what `takeChunks` gave. False: bytes that it never gave. */
  restoreChunk({ chunk, bytes }: ChunkChange): boolean {
    if (bytes === null) {
      this.#chunks.delete(chunk)
      return true
    }
    if (bytes.length !== chunkBytes) return false
    this.#chunks.set(chunk, new Uint8Array(bytes))
    return true
  }

  /** Puts back what `takeEdge` gave. False: bytes that it never gave. */
  restoreEdge(bytes: Uint8Array): boolean {
    if (bytes.length !== edgeBytes) return false
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const [floor = 0, commit = 0, lsn = 0, id = 0] = [0, 8, 16, 24].map((at) =>
      view.getFloat64(at, true),
    )
    this.#edge = { floor, newest: { position: { commit, lsn }, id } }
    return [floor, commit, lsn, id].every(Number.isSafeInteger)
  }

  #has(id: number): boolean {
    const bytes = this.#chunks.get(Math.floor(id / rowsPerChunk))
    const at = id % rowsPerChunk
    return bytes !== undefined && ((bytes[at >> 3] ?? 0) & (1 << (at & 7))) !== 0
  }

  /** The rows of one COPY share a place in the log and come in the order of their ids. */
  #isNewest({ position, id }: DeliveredRow): boolean {
    const { newest } = this.#edge
    return (comparePositions(position, newest.position) || id - newest.id) > 0
  }

  #forgetLowest(): void {
    let lowest = Number.MAX_SAFE_INTEGER
    for (const chunk of this.#chunks.keys()) lowest = Math.min(lowest, chunk)
    this.#chunks.delete(lowest)
    this.#changed.add(lowest)
    this.#setEdge({ ...this.#edge, floor: (lowest + 1) * rowsPerChunk })
  }

  #setEdge(edge: Edge): void {
    this.#edge = edge
    this.#isEdgeChanged = true
  }
}
