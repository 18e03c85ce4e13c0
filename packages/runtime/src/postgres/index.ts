export { fromPostgres, isPostgresUnavailable } from './errors.ts'
export { migratePostgres } from './migrate.ts'
