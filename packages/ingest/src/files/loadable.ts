import type { Measurement } from '../measurements/index.ts'

/** Why an input record was refused; a closed set, kept with the record. */
export type RejectionReason =
  | 'LENGTH_INVALID'
  | 'DEVICE_ID_EMPTY'
  | 'DEVICE_ID_INVALID'
  | 'CLOCK_INVALID'
  | 'CAR_NUMBER_INVALID'
  | 'TEXT_INVALID'
  | 'COLUMNS_INVALID'
  | 'VALUE_INVALID'
  | 'DEVICE_UNKNOWN'
  | 'MODEL_MISMATCH'
  | 'FILE_UNREADABLE'

/** An input record that cannot be loaded, with all that is needed to repair it and load it again. */
export interface Rejection {
  /** Name of the file. */
  readonly file: string
  /** Line number from 1 in a text file, byte offset in a frame file. */
  readonly at: number
  readonly reason: RejectionReason
  /** One sentence. */
  readonly detail: string
  /** The record: text as it was, bytes in base64. */
  readonly raw: string
  readonly encoding: 'text' | 'base64'
}

/** What a reader makes of one record. */
export type Loadable =
  | { readonly row: Measurement; readonly rejection?: never }
  | { readonly rejection: Rejection; readonly row?: never }
