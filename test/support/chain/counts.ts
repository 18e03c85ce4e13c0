import { connectPostgres } from '@faultline/runtime/postgres'
import type { TestConnection } from '../connection.ts'

/** Rows in PostgreSQL, and how many of them are of devices that are registered. */
export async function countInPostgres(databaseUrl: string): Promise<number> {
  const postgres = await connectPostgres({ databaseUrl, applicationName: 'verify' })
  try {
    const [row] = await postgres.query<{ rows: string }>(
      'select count(*) as rows from raw_measurements',
    )
    return Number(row?.rows)
  } finally {
    await postgres.close()
  }
}

/** One number asked of ClickHouse. */
export async function askClickhouse(
  { clickhouseUrl }: Pick<TestConnection, 'clickhouseUrl'>,
  sql: string,
): Promise<number> {
  const response = await fetch(clickhouseUrl, {
    method: 'POST',
    body: `${sql} FORMAT TabSeparated`,
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`ClickHouse refused "${sql}": ${text}`)
  return Number(text.trim())
}
