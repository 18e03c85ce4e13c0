import { connectPostgres } from '@faultline/runtime/postgres'
import type { TestConnection } from '../connection.ts'

export interface PostgresCounts {
  readonly rows: number
  /** Rows of devices that are registered now: a deleted device takes its rows' effect on Redis with it. */
  readonly ofRegistered: number
}

export async function countInPostgres(databaseUrl: string): Promise<PostgresCounts> {
  const postgres = await connectPostgres({ databaseUrl, applicationName: 'verify' })
  try {
    const [counts] = await postgres.query<{ rows: string; registered: string }>(
      `select count(*) as rows,
              count(*) filter (where device_id in (select device_id from device_catalog)) as registered
       from raw_measurements`,
    )
    return { rows: Number(counts?.rows), ofRegistered: Number(counts?.registered) }
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
