/**
 * Folder of the ordered migrations `NNN_name.sql` of the database `app` in ClickHouse. ClickHouse has no transactions for
 * them, so every statement can be repeated: IF NOT EXISTS, OR REPLACE.
 */
export const clickhouseMigrationsFolder = new URL('../clickhouse/', import.meta.url)
