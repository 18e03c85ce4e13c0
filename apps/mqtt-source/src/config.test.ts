import { expect, test } from 'vitest'
import { parseConfig } from './config.ts'

const env = {
  DATABASE_URL: 'postgresql://f@127.0.0.1/f',
  OPS_LISTEN: '127.0.0.1:7418',
  MQTT_URL: 'mqtts://user:secret@broker:8883',
  MQTT_ERROR_FOLDER: '/rejected',
}

test('a broker and a folder are enough', () => {
  const { template, ...config } = parseConfig(env)
  expect(template.filter).toBe('fleet/+/measurements')
  expect(config).toMatchObject({ clientId: 'faultline', inFlightMax: 1_000, knownHours: 24 })
})

test('what is wrong is named, all of it', () => {
  const wrong = { MQTT_URL: 'http://broker', MQTT_TOPIC: 'a/#/b', MQTT_IN_FLIGHT_MAX: '65536' }
  const parse = () => parseConfig({ ...env, ...wrong })
  for (const name of Object.keys(wrong)) expect(parse).toThrow(name)
})
