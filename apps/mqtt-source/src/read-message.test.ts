import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeFrame } from '@faultline/core/frame'
import { ItemReader } from '@faultline/ingest/intake'
import { messageKey, readMessage } from './read-message.ts'
import { parseTopicTemplate, type TopicTemplate } from './topic-template.ts'

const reader = new ItemReader({
  channelsOf: new Map([['boiler', ['flow', 'return']]]),
  modelOf: new Map([['AC-1', 'boiler']]),
})
const measuredAtMs = Date.UTC(2026, 10, 1)
const withDevice = parseTopicTemplate('fleet/{device_id}') as TopicTemplate
const withoutDevice = parseTopicTemplate('fleet/gateway') as TopicTemplate

const message = (payload: Uint8Array | string, topic = 'fleet/AC-1') => ({
  topic,
  payload: Buffer.from(payload),
})
const json = (item: object) => message(JSON.stringify(item))
const frameOf = (deviceId: string) =>
  encodeFrame({ deviceId, measuredAtMs, carNumber: 7, readings: new Float32Array(100) })

describe('a message', () => {
  it('as JSON gets its device from the topic, or says the same', () => {
    const item = { measured_at: measuredAtMs, readings: { flow: 1.5, return: null } }
    const wanted = { deviceId: 'AC-1', measuredAtMs, readings: Float32Array.of(1.5, NaN) }
    expect(readMessage(json(item), withDevice, reader)).toMatchObject(wanted)
    const named = json({ ...item, device_id: 'AC-1' })
    expect(readMessage(named, withDevice, reader)).toMatchObject(wanted)
    const gateway = { ...named, topic: 'fleet/gateway' }
    expect(readMessage(gateway, withoutDevice, reader)).toMatchObject(wanted)
  })

  it('as a frame is its record', () => {
    const wanted = { deviceId: 'AC-1', measuredAtMs, carNumber: 7 }
    expect(readMessage(message(frameOf('AC-1')), withDevice, reader)).toMatchObject(wanted)
    expect(readMessage(message(frameOf('AC-1')), withoutDevice, reader)).toMatchObject(wanted)
  })

  const item = { measured_at: measuredAtMs, readings: [1, 2] }
  it.each([
    ['names another device', json({ ...item, device_id: 'AC-2' }), 'DEVICE_ID_INVALID'],
    ['names no device in words', json({ ...item, device_id: null }), 'DEVICE_ID_INVALID'],
    ['is a frame of another device', message(frameOf('AC-2')), 'DEVICE_ID_INVALID'],
    ['is a frame of none', message(frameOf('')), 'DEVICE_ID_EMPTY'],
    ['comes on another topic', message(frameOf('AC-1'), 'other/AC-1'), 'DEVICE_ID_INVALID'],
    ['comes on a topic without device', message('{}', 'fleet/'), 'DEVICE_ID_EMPTY'],
    ['has no time', json({ readings: [1] }), 'CLOCK_INVALID'],
    ['is empty', message(''), 'LENGTH_INVALID'],
    ['is a list', message('[]'), 'LENGTH_INVALID'],
    ['is half of JSON', message('{"measured_at":'), 'TEXT_INVALID'],
    ['is not UTF-8', message(Buffer.from([0x7b, 0xff, 0x7d])), 'TEXT_INVALID'],
    ['is over 1 MiB', message(`{"a":"${'a'.repeat(1_048_576)}"}`), 'TEXT_INVALID'],
  ])('that %s is refused', (_, given, reason) => {
    expect(readMessage(given, withDevice, reader)).toMatchObject({ reason })
  })

  it('is a row or a refusal whatever it holds', () => {
    const payload = fc.oneof(
      fc.uint8Array({ maxLength: 600 }),
      fc.uint8Array({ minLength: 428, maxLength: 428 }),
      fc.json().map((text) => Buffer.from(`{"readings":${text}}`)),
    )
    fc.assert(
      fc.property(payload, fc.constantFrom(withDevice, withoutDevice), (bytes, template) => {
        const read = readMessage(message(bytes), template, reader)
        expect('reason' in read ? read.detail : read.deviceId).not.toBe('')
      }),
    )
  })

  it('is known by its topic and its bytes', () => {
    const key = messageKey(message('{}'))
    expect(messageKey(message('{}'))).toBe(key)
    expect(messageKey(message('{} '))).not.toBe(key)
    expect(messageKey(message('{}', 'fleet/AC-2'))).not.toBe(key)
    expect(messageKey(message('-1{}', 'fleet/AC'))).not.toBe(key)
  })
})
