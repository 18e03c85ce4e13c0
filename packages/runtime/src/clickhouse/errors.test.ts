import { ClickHouseError } from '@clickhouse/client'
import { describe, expect, it } from 'vitest'
import { FaultlineError } from '../errors/index.ts'
import { fromClickhouse } from './errors.ts'

const server = (code: string, message = 'said so') =>
  new ClickHouseError({ message, code, type: 'X' })
const system = (code: string) => Object.assign(new Error('said so'), { code })

describe('fromClickhouse', () => {
  it.each([
    [system('ECONNREFUSED'), 'WAREHOUSE_UNAVAILABLE'],
    [server('252'), 'WAREHOUSE_UNAVAILABLE'],
    [server('516'), 'CONFIG_INVALID'],
    [server('243'), 'DISK_FULL'],
    [
      server('75', 'Cannot write to file /d/a.bin: , errno: 28, strerror: No space left on device'),
      'DISK_FULL',
    ],
    [server('76', 'Cannot open file /d/a.idx, errno: 28, strerror: full'), 'DISK_FULL'],
    [server('1000', 'File access error: no space left on device: /d/tmp_insert'), 'DISK_FULL'],
    [
      server('1001', 'filesystem error: in create_directory: No space left on device ["/d/x"]'),
      'DISK_FULL',
    ],
  ])('%# names what can be done about it', (error, code) => {
    expect(fromClickhouse(error, 'a test')).toMatchObject({ code })
  })

  it('takes our own deadline for a server that is away', () => {
    const error = fromClickhouse(new Error('The user aborted a request.'), 'a test', true)
    expect(error).toMatchObject({ code: 'WAREHOUSE_UNAVAILABLE' })
  })

  it.each([
    server('60'),
    server('27'),
    server('75', 'Cannot write to file /d/a.bin, errno: 5, strerror: Input/output error'),
    server('76', 'Cannot open file /d/errno: 289, errno: 2'),
    server('62', "Syntax error: 'No space left on device'"),
    system('ERR_SOMETHING'),
    new TypeError('a mistake'),
  ])('%# leaves what it does not know, which is fatal', (error) => {
    expect(fromClickhouse(error, 'a test')).toBe(error)
  })

  it('does not wrap twice', () => {
    const error = new FaultlineError('DISK_FULL', 'full')
    expect(fromClickhouse(error, 'a test')).toBe(error)
  })
})
