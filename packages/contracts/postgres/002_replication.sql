-- What Debezium reads, and the role it reads with.

-- The slot of a quiet database would hold back the log of the whole server. Debezium writes here at its heartbeat interval
-- (heartbeat.action.query), which moves the slot.
create table faultline_heartbeat (
  id integer primary key,
  beat_at timestamptz not null
);

-- A row here starts an incremental snapshot; the column names and their order are Debezium's.
create table debezium_signal (
  id text primary key,
  type text not null,
  data text
);

-- Tables by name, never FOR ALL TABLES: a table added later is not exported by accident. Partitions are published as their
-- root, so there is one topic for all months and a new month needs no change here.
create publication faultline_publication for table
  device_models, device_catalog, raw_measurements, device_events, alarm_actions, faultline_heartbeat, debezium_signal
  with (publish_via_partition_root = true);

-- Roles belong to the server, not to this database, so the role may exist. Its password is set by migratePostgres.
do $$
begin
  create role faultline_replication login replication;
exception when duplicate_object or unique_violation then
  alter role faultline_replication login replication nosuperuser nocreatedb nocreaterole nobypassrls;
end
$$;

-- Reads what is published, beats, signals; nothing else. PostgreSQL has no attribute for logical replication alone: pg_hba.conf
-- must also refuse this role on the pseudo-database `replication`, or it could copy the whole server (docs/operating.md).
do $$
begin
  execute format('revoke create, temporary on database %I from public', current_database());
  execute format('grant connect on database %I to faultline_replication', current_database());
end
$$;
revoke create on schema public from public;
revoke execute on function faultline_ensure_partitions(timestamptz, timestamptz) from public;
revoke execute on function faultline_touch_updated_at() from public;
grant usage on schema public to faultline_replication;
grant select on device_models, device_catalog, raw_measurements, device_events, alarm_actions, faultline_heartbeat,
  debezium_signal to faultline_replication;
grant insert, update on faultline_heartbeat to faultline_replication;
grant insert on debezium_signal to faultline_replication;
