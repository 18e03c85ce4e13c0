import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { FaultlineError } from '../errors/index.ts'
import { brokerList, listenAddress, parseEnvironment, prepareFolder } from './index.ts'

function problemOf(schema: z.ZodType, env: Record<string, string>): FaultlineError {
  try {
    parseEnvironment(schema, env)
  } catch (error) {
    if (error instanceof FaultlineError) return error
  }
  throw new Error('nothing was refused')
}

describe('parseEnvironment', () => {
  const schema = z.object({
    KAFKA_BOOTSTRAP: brokerList,
    OPS_LISTEN: listenAddress,
    LOG_LEVEL: z.string().default('info'),
  })

  it('gives checked values, frozen, and leaves out what it does not know', () => {
    const config = parseEnvironment(schema, {
      KAFKA_BOOTSTRAP: 'a:1, b:2',
      OPS_LISTEN: '127.0.0.1:0',
      HOME: '/',
    })
    expect(config).toEqual({
      KAFKA_BOOTSTRAP: ['a:1', 'b:2'],
      OPS_LISTEN: { host: '127.0.0.1', port: 0 },
      LOG_LEVEL: 'info',
    })
    expect(Object.isFrozen(config)).toBe(true)
  })

  it('names every variable that is wrong, at once, and says what to do', () => {
    const error = problemOf(schema, { OPS_LISTEN: 'everywhere' })
    expect(error.code).toBe('CONFIG_INVALID')
    expect(error.message).toContain('KAFKA_BOOTSTRAP: ')
    expect(error.message).toContain('OPS_LISTEN: expected host:port, got "everywhere"')
    expect(error.remedy).toContain('faultline env')
  })
})

describe('listenAddress', () => {
  it.each([
    ['127.0.0.1:8080', { host: '127.0.0.1', port: 8080 }],
    ['localhost:0', { host: 'localhost', port: 0 }],
    ['[::1]:65535', { host: '::1', port: 65_535 }],
  ])('takes %s', (text, address) => {
    expect(listenAddress.parse(text)).toEqual(address)
  })

  it.each(['', '8080', ':8080', 'host:', 'host:65536', 'host:1x', '::1:80', 'http://host:80'])(
    'refuses "%s"',
    (text) => {
      expect(listenAddress.safeParse(text).success).toBe(false)
    },
  )
})

describe('brokerList', () => {
  it.each(['', ' ', 'a:1,', ',a:1', 'a:1,,b:2'])('refuses "%s"', (text) => {
    expect(brokerList.safeParse(text).success).toBe(false)
  })
})

describe('a folder of a variable', () => {
  it('is made; where that cannot be, the variable is named', async () => {
    const parent = mkdtempSync(join(tmpdir(), 'config-'))
    onTestFinished(() => {
      rmSync(parent, { recursive: true })
    })
    const folder = join(parent, 'a', 'b')
    await prepareFolder('SOME_FOLDER', folder)
    await prepareFolder('SOME_FOLDER', folder)
    expect(existsSync(folder)).toBe(true)
    writeFileSync(join(folder, 'file'), '')
    await expect(prepareFolder('SOME_FOLDER', join(folder, 'file', 'c'))).rejects.toThrow(
      'CONFIG_INVALID: SOME_FOLDER cannot be used',
    )
  })
})
