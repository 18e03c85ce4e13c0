import { describe, expect, it } from 'vitest'
import { apiConfig } from './config.ts'

const addresses = { REDIS_URL: 'redis://127.0.0.1:1', CLICKHOUSE_URL: 'http://127.0.0.1:2' }

describe('the configuration', () => {
  it.each(['127.0.0.1', '127.1.2.3', 'localhost', '[::1]'])('listens on %s', (host) => {
    const { listen } = apiConfig({ ...addresses, API_LISTEN: `${host}:7400` })
    expect(listen).toEqual({ host: host.replace(/[[\]]/g, ''), port: 7_400 })
  })

  it.each(['0.0.0.0', '192.168.1.5', '[::]', 'example.org', '127.0.0.1.example.org'])(
    'refuses to listen on %s without keys',
    (host) => {
      expect(() => apiConfig({ ...addresses, API_LISTEN: `${host}:7400` })).toThrow(
        /API_LISTEN: has to be a loopback address.*no keys yet/,
      )
    },
  )

  it('names every variable that is missing or wrong', () => {
    expect(() => apiConfig({ REDIS_PORT: '6379' })).toThrow(/API_LISTEN.*CLICKHOUSE_URL/)
  })
})
