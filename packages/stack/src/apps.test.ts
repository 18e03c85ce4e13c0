import { describe, expect, it } from 'vitest'
import { appSpecs, describeReadiness } from './apps.ts'
import { stackPorts } from './layout.ts'

const addresses = {
  DATABASE_URL: 'postgresql://f@127.0.0.1/f',
  KAFKA_BOOTSTRAP: '127.0.0.1:9092',
  SCHEMA_REGISTRY_URL: 'http://127.0.0.1:8081',
  CONNECT_URL: 'http://127.0.0.1:8083',
  REDIS_URL: 'redis://127.0.0.1/0',
  CLICKHOUSE_URL: 'http://127.0.0.1:8123',
  API_URL: 'http://127.0.0.1:7400',
}

function specs(demo = true, env: Record<string, string> = {}) {
  return appSpecs({
    projectFolder: '/project',
    ports: stackPorts(7400),
    compileCache: '/cache',
    addresses,
    env,
    inbox: '/home/inbox',
    rejected: '/home/rejected',
    demo,
  })
}

function environmentOf(name: string, env: Record<string, string> = {}) {
  return specs(true, env).find((spec) => spec.name === name)?.env
}

describe('the processes of the product', () => {
  it('leave the demo fleet out when it is not wanted', () => {
    expect(specs(false).map(({ name }) => name)).toEqual([
      'enricher',
      'redis-consumer',
      'clickhouse-sink',
      'api',
      'auditor',
      'postgres-keeper',
      'collector',
    ])
    expect(specs().at(-1)?.name).toBe('demo-fleet')
  })

  it('get the addresses they use and no others', () => {
    expect(environmentOf('redis-consumer')).toEqual({
      KAFKA_BOOTSTRAP: '127.0.0.1:9092',
      SCHEMA_REGISTRY_URL: 'http://127.0.0.1:8081',
      REDIS_URL: 'redis://127.0.0.1/0',
      NODE_COMPILE_CACHE: '/cache',
      OPS_LISTEN: '127.0.0.1:7412',
    })
  })

  it('get the settings of the operator, and nothing else of its environment', () => {
    const given = {
      LOG_LEVEL: 'debug',
      SECRET: 'x',
      OPS_LISTEN: '0.0.0.0:1',
      REDIS_URL: 'redis://other',
    }
    expect(environmentOf('demo-fleet', given)).toEqual({
      DATABASE_URL: 'postgresql://f@127.0.0.1/f',
      LOG_LEVEL: 'debug',
      NODE_COMPILE_CACHE: '/cache',
      OPS_LISTEN: '127.0.0.1:7414',
    })
  })

  it('have the collector look into the inbox of the home, or where the operator says', () => {
    expect(environmentOf('collector')).toMatchObject({ COLLECT_FOLDER: '/home/inbox' })
    const given = { COLLECT_FOLDER: '/frames' }
    expect(environmentOf('collector', given)).toMatchObject({ COLLECT_FOLDER: '/frames' })
    expect(environmentOf('enricher')).not.toHaveProperty('COLLECT_FOLDER')
  })

  it('take messages only where the operator names a broker', () => {
    const names = (env: Record<string, string>) => specs(false, env).map(({ name }) => name)
    expect(names({ MQTT_URL: '' })).toEqual(names({}))
    const given = { MQTT_URL: 'mqtt://broker' }
    expect(names(given)).toEqual([...names({}), 'mqtt-source'])
    expect(environmentOf('mqtt-source', given)).toMatchObject({
      MQTT_URL: 'mqtt://broker',
      MQTT_ERROR_FOLDER: '/home/rejected',
    })
  })

  it('get options of Node when the operator gives some', () => {
    const given = { FAULTLINE_NODE_OPTIONS: '--cpu-prof', NODE_OPTIONS: '--inspect' }
    const { NODE_OPTIONS, FAULTLINE_NODE_OPTIONS } = environmentOf('enricher', given) ?? {}
    expect({ NODE_OPTIONS, FAULTLINE_NODE_OPTIONS }).toEqual({ NODE_OPTIONS: '--cpu-prof' })
  })

  it('have ports of their own', () => {
    const ports = specs(true, { MQTT_URL: 'mqtt://broker' }).flatMap((spec) => spec.ports)
    expect(new Set(ports).size).toBe(ports.length)
  })
})

describe('why an application is not ready', () => {
  it('is what /readyz says besides its status', () => {
    expect(describeReadiness('{"status":"not ready","kafka":"connecting","lag":{"0":12}}')).toBe(
      'kafka: connecting, lag: {"0":12}',
    )
    expect(describeReadiness('{"status":"not ready"}')).toBe('not ready')
    expect(describeReadiness('<html>')).toBe('<html>')
  })
})
