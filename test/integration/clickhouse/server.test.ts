import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ClickhouseClient } from '@faultline/runtime/clickhouse'
import { ClickhouseProcess } from '../../support/clickhouse-process.ts'
import { openClickhouse, type ClickhouseWarehouse } from '../../support/clickhouse-warehouse.ts'

let server: ClickhouseProcess
let warehouse: ClickhouseWarehouse
let client: ClickhouseClient

beforeAll(async () => {
  server = await ClickhouseProcess.start()
  warehouse = openClickhouse(server.url)
  client = warehouse.client
  await client.run('set-up', { sql: 'CREATE DATABASE t' })
  await client.run('set-up', {
    sql: `CREATE TABLE t.rows (n UInt64, s String) ENGINE = MergeTree ORDER BY n
      SETTINGS non_replicated_deduplication_window = 100`,
  })
})
afterAll(async () => {
  await warehouse.close()
  await server.remove()
})

const post = (search: string, body: string | Uint8Array<ArrayBuffer>, headers = {}) =>
  fetch(`${server.url}/?${search}`, { method: 'POST', body, headers })

describe('the HTTP interface of the embedded ClickHouse', () => {
  it('binds parameters of every kind without touching the statement', async () => {
    const parameters = {
      text: "a'b\\c\nd\t{x:String}",
      list: ["q'1", '\\'],
      none: null,
      when: new Date(1_700_000_000_123),
    }
    const [row] = await client.rows('parameters', {
      sql: `SELECT {text:String} AS text, {list:Array(String)} AS list, {none:Nullable(Int32)} AS none,
        toUnixTimestamp64Milli({when:DateTime64(3)}) AS when`,
      parameters,
    })
    expect(row).toEqual({ ...parameters, when: 1_700_000_000_123 })
  })

  it('forgets settings and parameters with the request', async () => {
    await Promise.all(
      Array.from({ length: 6 }, () =>
        client.rows('settings', {
          sql: 'SELECT {a:UInt8}',
          parameters: { a: 1 },
          settings: { max_result_rows: '1' },
        }),
      ),
    )
    const rows = await client.rows<{ v: string }>('settings', {
      sql: "SELECT toString(getSetting('max_result_rows')) AS v",
    })
    expect(rows).toEqual([{ v: '0' }])
    await expect(client.rows('parameters', { sql: 'SELECT {a:UInt8}' })).rejects.toMatchObject({
      code: '456',
    })
  })

  it('takes rows in text and binary formats, also compressed and behind their statement', async () => {
    const lines = '{"n":1,"s":"a\\n\\nb"}\n{"n":2,"s":"ü"}\n'
    await post('query=INSERT+INTO+t.rows+FORMAT+JSONEachRow', lines)
    await post('query=INSERT+INTO+t.rows+FORMAT+TSV', gzipSync('3\tc\n'), {
      'content-encoding': 'gzip',
    })
    await post('', 'INSERT INTO t.rows (n, s) FORMAT CSV\n4,"d\n\ne"\n')
    // Binary data full of what would end a statement.
    const binary = Buffer.from([5, 0, 0, 0, 0, 0, 0, 0, 4, 10, 10, 59, 10])
    await client.insert('rows', { sql: 'INSERT INTO t.rows (n, s) FORMAT RowBinary' }, [binary])
    const rows = await client.rows('rows', { sql: 'SELECT * FROM t.rows ORDER BY n' })
    expect(rows).toEqual([
      { n: 1, s: 'a\n\nb' },
      { n: 2, s: 'ü' },
      { n: 3, s: 'c' },
      { n: 4, s: 'd\n\ne' },
      { n: 5, s: '\n\n;\n' },
    ])
  })

  it.each([
    ['SELECT * FROM t.nothing', 404, '60'],
    ['SELEC 1', 400, '62'],
    ["SELECT throwIf(1, 'oops')", 500, '395'],
  ])('answers %j as a server does', async (sql, status, code) => {
    const response = await post('', sql)
    expect(response.status).toBe(status)
    expect(response.headers.get('x-clickhouse-exception-code')).toBe(code)
    expect(await response.text()).toMatch(
      new RegExp(`^Code: ${code}\\. DB::Exception: .+\\([A-Z_]+\\)\\n$`, 's'),
    )
  })

  it('does not write for a GET', async () => {
    const response = await fetch(`${server.url}/?query=DROP+TABLE+t.rows`)
    expect(response.status).toBe(403)
  })

  it('answers reads while a long one is under way', async () => {
    const order: string[] = []
    const long = client.rows('sleeping', { sql: 'SELECT sleep(2)' }).then(() => order.push('long'))
    await client.rows('reading', { sql: 'SELECT 1' }).then(() => order.push('short'))
    await long
    expect(order).toEqual(['short', 'long'])
  })

  it('stops in order, and opens again with what it held', async () => {
    const before = await client.rows('rows', { sql: 'SELECT * FROM t.rows ORDER BY n' })
    expect(await server.stop()).toBe(0)
    await expect(client.rows('rows', { sql: 'SELECT 1' })).rejects.toThrow('WAREHOUSE_UNAVAILABLE')
    await server.startAgain()
    expect(await client.rows('rows', { sql: 'SELECT * FROM t.rows ORDER BY n' })).toEqual(before)
  })

  it('refuses a data folder that is in use, and says so', async () => {
    expect(await server.startTwin()).toBe(1)
  })
})
