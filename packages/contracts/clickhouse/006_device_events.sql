-- app.device_events: errors, failures and maintenance of devices, as recorded in PostgreSQL's device_events.
--
-- Engine     ReplacingMergeTree by log position: Debezium delivers a change at least once, and a row may be updated or
--            deleted; the newest state of an id wins. Read with FINAL and is_deleted = 0.
-- Order      id: the only column that a row keeps through updates and that its deletion still names.
-- Partition  none: small.
-- TTL        none: faults are what the reports and the labels are made of.
CREATE TABLE IF NOT EXISTS app.device_events
(
    id UInt64,
    device_id String,
    occurred_at DateTime64(3, 'UTC'),
    kind LowCardinality(String),
    code LowCardinality(Nullable(String)),
    -- JSON
    detail Nullable(String),
    lsn UInt64,
    is_deleted UInt8
)
ENGINE = ReplacingMergeTree(lsn)
ORDER BY id;
