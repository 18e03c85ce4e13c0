export { connectPostgres, type PostgresConnection } from './connection.ts'
export { fromPostgres } from './errors.ts'
export { migratePostgres } from './migrate.ts'
