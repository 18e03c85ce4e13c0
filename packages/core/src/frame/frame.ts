/**
 * The frame record of a train unit: `<16sQI100f`, little endian, packed, 428 bytes: device id padded with NUL or spaces,
 * epoch milliseconds, car number, 100 float32 readings.
 */

export const frameChannels = 100
export const frameBytes = 428

/** Where the parts of a record begin, in bytes; the id takes all of it up to the clock. */
export const frameOffsets = { id: 0, clock: 16, carNumber: 24, readings: 28 } as const

const idBytes = frameOffsets.clock
const clockOffset = frameOffsets.clock
const carOffset = frameOffsets.carNumber
const readingsOffset = frameOffsets.readings

/** Clocks outside [2000-01-01, 2100-01-01) UTC are taken for broken; PostgreSQL could store them, windows could not. */
export const clockRange = { fromMs: 946_684_800_000, toMs: 4_102_444_800_000 } as const

/** PostgreSQL holds the car number in a signed 32-bit integer. */
const carNumberMax = 2_147_483_647

export interface Frame {
  readonly deviceId: string
  /** Epoch milliseconds. */
  readonly measuredAtMs: number
  readonly carNumber: number
  /** `frameChannels` values; NaN where there is no reading. */
  readonly readings: Float32Array
}

/** Why a record was refused; a closed set, and the reason kept with the record. */
export type FrameProblem =
  | 'LENGTH_INVALID'
  | 'DEVICE_ID_EMPTY'
  | 'DEVICE_ID_INVALID'
  | 'CLOCK_INVALID'
  | 'CAR_NUMBER_INVALID'

export type DecodedFrame =
  | { readonly ok: true; readonly frame: Frame }
  | { readonly ok: false; readonly problem: FrameProblem }

const refuse = (problem: FrameProblem): DecodedFrame => ({ ok: false, problem })

const idDecoder = new TextDecoder('utf-8', { fatal: true })
const idEncoder = new TextEncoder()

/** Whether a time may be a measurement's: a whole number of milliseconds inside `clockRange`. */
export function isPlausibleClock(epochMs: number): boolean {
  return Number.isInteger(epochMs) && epochMs >= clockRange.fromMs && epochMs < clockRange.toMs
}

/** Decodes one record; any bytes give a frame or a problem, never an exception. */
export function decodeFrame(bytes: Uint8Array): DecodedFrame {
  if (bytes.byteLength !== frameBytes) return refuse('LENGTH_INVALID')
  const deviceId = decodeId(bytes.subarray(0, idBytes))
  if (deviceId === undefined) return refuse('DEVICE_ID_INVALID')
  if (deviceId === '') return refuse('DEVICE_ID_EMPTY')
  const view = new DataView(bytes.buffer, bytes.byteOffset, frameBytes)
  // A clock beyond 2^53 loses digits here, and is far outside the range either way.
  const measuredAtMs = Number(view.getBigUint64(clockOffset, true))
  if (!isPlausibleClock(measuredAtMs)) return refuse('CLOCK_INVALID')
  const carNumber = view.getUint32(carOffset, true)
  if (carNumber > carNumberMax) return refuse('CAR_NUMBER_INVALID')
  const readings = new Float32Array(frameChannels)
  for (let channel = 0; channel < frameChannels; channel += 1) {
    readings[channel] = view.getFloat32(readingsOffset + channel * 4, true)
  }
  return { ok: true, frame: { deviceId, measuredAtMs, carNumber, readings } }
}

/** The id without its padding; undefined if it is not text (bytes that are no UTF-8, control characters). */
function decodeId(bytes: Uint8Array): string | undefined {
  let end = bytes.length
  while (end > 0 && (bytes[end - 1] === 0 || bytes[end - 1] === 0x20)) end -= 1
  const padded = bytes.subarray(0, end)
  if (padded.some((byte) => byte < 0x20 || byte === 0x7f)) return undefined
  try {
    return idDecoder.decode(padded)
  } catch {
    return undefined
  }
}

/** Encodes one record. A frame that no record can hold (id over 16 bytes, other than 100 readings) is a RangeError. */
export function encodeFrame(frame: Frame): Uint8Array {
  const id = idEncoder.encode(frame.deviceId)
  if (id.length > idBytes) throw new RangeError(`a device id has at most ${idBytes} bytes`)
  if (frame.readings.length !== frameChannels) {
    throw new RangeError(`a frame has ${frameChannels} readings, got ${frame.readings.length}`)
  }
  const bytes = new Uint8Array(frameBytes)
  bytes.set(id)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(clockOffset, BigInt(frame.measuredAtMs), true)
  view.setUint32(carOffset, frame.carNumber, true)
  frame.readings.forEach((reading, channel) => {
    view.setFloat32(readingsOffset + channel * 4, reading, true)
  })
  return bytes
}
