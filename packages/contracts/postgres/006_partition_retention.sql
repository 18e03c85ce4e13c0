-- How old months of measurements go (docs/operating.md, "Old months"). Not published: nobody downstream needs to know.

-- What each month looked like when it was last seen to change. A month that history is being loaded into is in use, however
-- long ago it was.
create table faultline_partition_changes (
  partition text primary key,
  seen text not null,
  changed_at timestamptz not null default now()
);

-- Months of measurements with the instant before which everything in them was measured. The default partition is none.
create view faultline_months as
  select c.relname::text as partition, c.oid,
    substring(pg_get_expr(c.relpartbound, c.oid) from $$TO \('([^']+)'\)$$)::timestamptz as ends_at
  from pg_inherits i join pg_class c on c.oid = i.inhrelid
  where i.inhparent = 'raw_measurements'::regclass and pg_get_expr(c.relpartbound, c.oid) <> 'DEFAULT';

-- Notes which months changed since the last call, by size and count of inserts; where the count was reset, as after a crash of the
-- server, a month counts as changed and stays longer.
create function faultline_note_partition_changes() returns void
  language sql set search_path = public, pg_temp as $$
  delete from faultline_partition_changes where partition not in (select partition from faultline_months);
  insert into faultline_partition_changes as known (partition, seen)
    select partition, pg_relation_size(oid) || ':' || coalesce(pg_stat_get_tuples_inserted(oid), 0) from faultline_months
  on conflict (partition) do update set seen = excluded.seen, changed_at = now() where known.seen <> excluded.seen;
$$;

-- Drops a month. Detaching needs the root for itself for a moment, and whoever waits for that holds up every writer behind it:
-- so it waits a tenth of a second at most, and answers false when it was not its turn. (DETACH … CONCURRENTLY does not wait,
-- but PostgreSQL refuses it where there is a default partition.)
create function faultline_drop_month(month text) returns boolean
  language plpgsql set search_path = public, pg_temp set lock_timeout = '100ms' as $$
begin
  if not exists (select from faultline_months where partition = month) then
    raise exception '% is no month of measurements', month using errcode = 'invalid_parameter_value';
  end if;
  execute format('alter table raw_measurements detach partition %I', month);
  execute format('drop table %I', month);
  return true;
exception when lock_not_available then
  return false;
end
$$;
revoke execute on function faultline_note_partition_changes(), faultline_drop_month(text) from public;
