import { describe, expect, it } from 'vitest'
import { parseTopicTemplate, type TopicTemplate } from './topic-template.ts'

function template(text: string): TopicTemplate {
  const parsed = parseTopicTemplate(text)
  if (typeof parsed === 'string') throw new Error(parsed)
  return parsed
}

describe('a topic template', () => {
  it.each([
    ['fleet/{device_id}/measurements', 'fleet/+/measurements', 'fleet/AC-1/measurements', 'AC-1'],
    ['{device_id}', '+', 'AC-1', 'AC-1'],
    ['/+/{device_id}/#', '/+/+/#', '/north/AC-1/a/b', 'AC-1'],
    // A last # also stands for nothing.
    ['fleet/{device_id}/#', 'fleet/+/#', 'fleet/AC-1', 'AC-1'],
    ['fleet/{device_id}', 'fleet/+', 'fleet/', ''],
    ['fleet/gateway', 'fleet/gateway', 'fleet/gateway', undefined],
  ])('%s subscribes to %s and reads the device of %s', (text, filter, topic, device) => {
    expect(template(text).filter).toBe(filter)
    expect(template(text).deviceOf(topic)).toBe(device)
  })

  it.each(['fleet/AC-1', 'fleet/AC-1/measurements/x', 'site/AC-1/measurements', ''])(
    'knows that %s is none of its topics',
    (topic) => {
      expect(template('fleet/{device_id}/measurements').deviceOf(topic)).toBeNull()
    },
  )

  it.each([
    ['', 'expected'],
    ['$share/group/fleet', 'shared subscriptions'],
    ['fleet/{device_id}/{device_id}', 'twice'],
    ['fleet/unit-{device_id}', 'unit-{device_id}'],
    ['fleet/{device}', '{device}'],
    ['fleet/#/measurements', '#'],
    ['fleet/a+', 'a+'],
    ['fleet/\0', 'neither'],
  ])('is refused as %j', (text, why) => {
    expect(parseTopicTemplate(text)).toContain(why)
  })
})
