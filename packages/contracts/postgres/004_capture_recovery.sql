-- What `faultline slot recover` needs, and what large values in device_events need.

-- As for the other small tables: an update then carries `detail` also where it did not change, however large it is.
alter table device_events replica identity full;

-- Ids of measurements that were committed while no slot kept the log, until they have been captured: the snapshot that
-- captures them joins this table, so that its statement stays short however many they are. Not published.
create table faultline_missing_measurements (
  id bigint primary key
);
grant select on faultline_missing_measurements to faultline_replication;
