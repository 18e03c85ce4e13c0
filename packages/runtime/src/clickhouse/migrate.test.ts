import { readdir, readFile } from 'node:fs/promises'
import { clickhouseMigrationsFolder } from '@faultline/contracts/clickhouse-migrations'
import { describe, expect, it } from 'vitest'
import { statements } from './migrate.ts'

describe('statements', () => {
  it('are cut at semicolons that end a line', () => {
    expect(statements("-- head\nCREATE a;\n\nSELECT ';' x;\n-- tail\n")).toEqual([
      '-- head\nCREATE a',
      "SELECT ';' x",
    ])
  })

  it('of every migration can be repeated', async () => {
    const names = await readdir(clickhouseMigrationsFolder)
    expect(names.length).toBeGreaterThan(0)
    for (const name of names) {
      const sql = await readFile(new URL(name, clickhouseMigrationsFolder), 'utf8')
      for (const statement of statements(sql)) {
        const bare = statement.replaceAll(/^--.*\n/gm, '')
        expect(bare, name).toMatch(
          /^CREATE (TABLE IF NOT EXISTS|OR REPLACE TABLE|OR REPLACE VIEW) /,
        )
      }
    }
  })
})
