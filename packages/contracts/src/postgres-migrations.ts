/** Folder of the ordered migrations `NNN_name.sql` of the PostgreSQL schema. */
export const postgresMigrationsFolder = new URL('../postgres/', import.meta.url)

/** The publication Debezium reads and the role it reads with; both are made by the migrations. */
export const replication = {
  publication: 'faultline_publication',
  role: 'faultline_replication',
  /** As debezium/postgres-connector.json has it; the connector's own name is given by whoever registers it. */
  slot: 'faultline_slot',
  topicPrefix: 'postgres',
  connector: 'faultline-postgres',
  /** Makes the slot move on a quiet database (Debezium's `heartbeat.action.query`). */
  heartbeatQuery:
    'insert into public.faultline_heartbeat (id, beat_at) values (1, now()) on conflict (id) do update set beat_at = now()',
  signalTable: 'public.debezium_signal',
  /** Ids of the measurements that a snapshot has to capture again. */
  missingTable: 'public.faultline_missing_measurements',
} as const
