import { hash } from 'node:crypto'
import { decodeFrame, frameBytes } from '@faultline/core/frame'
import { rejectFrame } from '@faultline/ingest/files'
import type { ItemReader, Refusal } from '@faultline/ingest/intake'
import type { Measurement } from '@faultline/ingest/measurements'
import type { MqttMessage } from '@faultline/runtime/mqtt'
import type { TopicTemplate } from './topic-template.ts'

const openingBrace = 0x7b
/** As for a line of text in a file or a request. */
const jsonBytesMax = 1_048_576
const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Whether it is taken for JSON; anything else is taken for a frame. */
export const isJson = ({ payload }: MqttMessage): boolean => payload[0] === openingBrace

/**
 * What tells a message from others. Packet ids are used again and a message that is sent anew has another one, so it is what the message
 * says: the time of the measurement is part of it, and the same said twice is the same measurement.
 */
export function messageKey({ topic, payload }: MqttMessage): string {
  const said = Buffer.concat([Buffer.from(`${topic}\0`), payload])
  return hash('sha256', said, 'base64url')
}

/** The measurement of a message, whose readings are valid until the next call of the reader, or why it has none. */
export function readMessage(
  message: MqttMessage,
  template: TopicTemplate,
  reader: Pick<ItemReader, 'read'>,
): Measurement | Refusal {
  const device = template.deviceOf(message.topic)
  if (device === null) {
    return { reason: 'DEVICE_ID_INVALID', detail: 'the topic does not fit the template' }
  }
  return isJson(message) ? readJson(message, device, reader) : readFrame(message, device)
}

function readJson(
  { payload }: MqttMessage,
  device: string | undefined,
  reader: Pick<ItemReader, 'read'>,
): Measurement | Refusal {
  let item: object
  try {
    if (payload.length > jsonBytesMax) throw new SyntaxError('too long')
    // It begins with a brace: what can be parsed is an object.
    item = JSON.parse(utf8.decode(payload)) as object
  } catch {
    return { reason: 'TEXT_INVALID', detail: 'the message is not JSON in UTF-8 of at most 1 MiB' }
  }
  if (device === undefined) return reader.read(item)
  if ('device_id' in item && item.device_id !== device) return otherDevice
  return reader.read({ ...item, device_id: device })
}

function readFrame(
  { topic, payload }: MqttMessage,
  device: string | undefined,
): Measurement | Refusal {
  if (payload.length !== frameBytes) {
    const detail = `the message has ${payload.length} bytes: it is no frame of ${frameBytes}, and no JSON that begins with {`
    return { reason: 'LENGTH_INVALID', detail }
  }
  const decoded = decodeFrame(payload)
  if (!decoded.ok) return rejectFrame({ file: topic, at: 0, bytes: payload }, decoded.problem)
  if (device !== undefined && decoded.frame.deviceId !== device) return otherDevice
  return decoded.frame
}

const otherDevice: Refusal = {
  reason: 'DEVICE_ID_INVALID',
  detail: 'the message names another device than its topic',
}
