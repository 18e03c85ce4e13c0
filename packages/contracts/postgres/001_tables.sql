-- The source of truth: what devices exist, how their readings are to be understood, and what they measured.
-- Everything downstream (topics, Redis, ClickHouse) can be rebuilt from these tables.

-- One row a model: the meaning of readings[i], and the rules that make a reading a fault. Rules are data (the grammar is
-- packages/core/src/model/rule.ts), so they change without a restart. Type names become parts of Redis keys
-- (`top_faults:{type}:1h`), so they hold no colon, and `all` is the name of the ranking over every type.
create table device_models (
  model text primary key check (model <> ''),
  type text not null check (type <> '' and type <> 'all' and position(':' in type) = 0),
  channels text[] not null check (array_position(channels, null) is null),
  units text[] not null check (array_position(units, null) is null),
  rules jsonb not null default '[]' check (jsonb_typeof(rules) = 'array'),
  check (cardinality(channels) > 0 and cardinality(channels) = cardinality(units))
);

create table device_catalog (
  device_id text primary key check (device_id <> ''),
  type text not null check (type <> '' and type <> 'all' and position(':' in type) = 0),
  model text not null references device_models,
  name text,
  line text,
  location text,
  attributes jsonb not null default '{}',
  updated_at timestamptz not null default now()
);

-- Reference rows are read from the change stream, where a delete carries only the replica identity and an update leaves out
-- large values that did not change (TOAST). FULL puts the whole old row into the log: deletes name the device and its type,
-- and Debezium fills unchanged rules and attributes from the old row instead of sending its placeholder. These tables
-- change rarely, so the larger log costs nothing.
alter table device_models replica identity full;
alter table device_catalog replica identity full;

create function faultline_touch_updated_at() returns trigger language plpgsql as $$
begin
  new.updated_at := now();
  return new;
end
$$;
create trigger device_catalog_updated_at before update on device_catalog
  for each row execute function faultline_touch_updated_at();

-- Measurements are append-only (docs/decisions/0003-measurements-are-append-only.md): no primary key and no replica
-- identity, so once the table is published PostgreSQL refuses UPDATE and DELETE. No foreign key: a device may report before
-- it is registered. No index: rows are read from the log, never by query, and an index would halve the write rate.
create table raw_measurements (
  id bigint generated always as identity,
  device_id text not null,
  measured_at timestamptz not null,
  readings real[] not null,
  car_number integer
) partition by range (measured_at);

-- Takes what no month covers, so that an insert is never refused for its time.
create table raw_measurements_default partition of raw_measurements default;

-- Makes the monthly partitions (UTC months) that cover [from_time, to_time] and do not exist yet; returns how many it made.
-- A month whose rows are already in the default partition stays there: moving them would be a delete and a second insert.
-- The partition is built apart and attached, because ATTACH lets writers of the other months go on; CREATE … PARTITION OF
-- would lock them all out. SECURITY DEFINER: a writer needs no right to create tables.
create function faultline_ensure_partitions(from_time timestamptz, to_time timestamptz) returns integer
  language plpgsql security definer set search_path = public, pg_temp as $$
declare
  month timestamp := date_trunc('month', from_time at time zone 'UTC');
  partition_name text;
  made integer := 0;
begin
  if from_time is null or to_time is null or from_time > to_time
    or to_time - from_time > interval '101 years' then
    raise exception 'partition range from % to % is empty, unbounded or over a century', from_time, to_time
      using errcode = 'invalid_parameter_value';
  end if;
  -- Two callers that make the same month would collide; the second waits and then finds it made.
  perform pg_advisory_xact_lock(hashtext('faultline_ensure_partitions'));
  while month <= to_time at time zone 'UTC' loop
    partition_name := format('raw_measurements_%s', to_char(month, 'YYYY_MM'));
    if to_regclass(partition_name) is null and not exists (
      select from raw_measurements_default
      where measured_at >= month at time zone 'UTC' and measured_at < (month + interval '1 month') at time zone 'UTC'
    ) then
      execute format('create table %I (like raw_measurements including defaults)', partition_name);
      execute format('alter table raw_measurements attach partition %I for values from (%L) to (%L)',
        partition_name, month at time zone 'UTC', (month + interval '1 month') at time zone 'UTC');
      made := made + 1;
    end if;
    month := month + interval '1 month';
  end loop;
  return made;
end
$$;

create table device_events (
  id bigint generated always as identity primary key,
  device_id text not null,
  occurred_at timestamptz not null,
  kind text not null check (kind in ('error', 'failure', 'maintenance')),
  code text,
  detail jsonb
);

create table alarm_actions (
  id bigint generated always as identity primary key,
  alarm_id text not null,
  action text not null check (action in ('acknowledge', 'work_order', 'resolve', 'reject')),
  actor text,
  acted_at timestamptz not null default now(),
  note text
);
