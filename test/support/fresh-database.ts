import { randomUUID } from 'node:crypto'
import {
  connectPostgres,
  migratePostgres,
  type PostgresConnection,
} from '@faultline/runtime/postgres'
import { connection } from './connection.ts'

/** A database of its own on the server of this run, dropped with `await using`. */
export interface FreshDatabase extends AsyncDisposable {
  readonly databaseUrl: string
  /** A connection as the owner. */
  readonly connection: PostgresConnection
}

/** An empty database. */
export async function emptyDatabase(): Promise<FreshDatabase> {
  const name = `test_${randomUUID().replaceAll('-', '')}`
  const server = await connectPostgres({
    databaseUrl: connection().databaseUrl,
    applicationName: 'test',
  })
  await server.query(`create database ${name}`)
  const url = new URL(connection().databaseUrl)
  url.pathname = `/${name}`
  const owner = await connectPostgres({ databaseUrl: url.href, applicationName: 'test' })
  return {
    databaseUrl: url.href,
    connection: owner,
    [Symbol.asyncDispose]: async () => {
      await owner.close()
      await server.query(`drop database ${name} with (force)`)
      await server.close()
    },
  }
}

/** A database with the schema. The replication role belongs to the whole server, so its password is left alone. */
export async function freshDatabase(): Promise<FreshDatabase> {
  const database = await emptyDatabase()
  await migratePostgres({ databaseUrl: database.databaseUrl })
  return database
}
