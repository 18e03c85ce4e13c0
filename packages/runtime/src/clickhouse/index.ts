export { ClickhouseClient, startClickhouse, type ClickhouseStatement } from './clickhouse-client.ts'
export { fromClickhouse } from './errors.ts'
export { migrateClickhouse } from './migrate.ts'
