/** Folder of the ordered migrations `NNN_name.sql` of the PostgreSQL schema. */
export const postgresMigrationsFolder = new URL('../postgres/', import.meta.url)

/** The publication Debezium reads and the role it reads with; both are made by the migrations. */
export const replication = {
  publication: 'faultline_publication',
  role: 'faultline_replication',
  /** Makes the slot move on a quiet database (Debezium's `heartbeat.action.query`). */
  heartbeatQuery:
    'insert into public.faultline_heartbeat (id, beat_at) values (1, now()) on conflict (id) do update set beat_at = now()',
  signalTable: 'public.debezium_signal',
} as const
