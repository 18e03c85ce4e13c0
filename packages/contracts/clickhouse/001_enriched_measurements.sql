-- app.enriched_measurements: one row a record of the topic enriched_measurements, corrections included.
--
-- Engine     MergeTree: the topic's records are facts, none replaces another; readers who want one row an event take
--            app.latest_measurements.
-- Order      (device_id, measured_at): "this device, this period" is what every reader asks.
-- Partition  (topic_partition, week of ingestion). The sink writes one range of offsets with one ingested_at in one INSERT,
--            so an INSERT is exactly one part and therefore all or nothing. Parts of different Kafka partitions never mix,
--            which keeps the offsets of a part close together and the offset index sharp: the sink looks ranges up by
--            offset to finish what a crash interrupted, and the roll-ups read new rows by offset.
-- TTL        90 days after *ingestion*, not measurement: history from before (public data sets, a fleet's archive) may be
--            loaded at any time and must stay as long as fresh data. Change: ALTER TABLE ... MODIFY TTL.
--            Whole parts are dropped; weekly partitions bound the excess to a week.
-- Codecs     end in Default, the codec of the part: LZ4 while new and often merged, ZSTD(3) after seven days.
-- Deduplication window: the second guard against an INSERT sent twice (docs/decisions/0005-clickhouse-exactly-once.md).
CREATE TABLE IF NOT EXISTS app.enriched_measurements
(
    event_id UInt64 CODEC(Delta, Default),
    device_id String,
    type LowCardinality(String),
    model LowCardinality(String),
    name LowCardinality(Nullable(String)),
    line LowCardinality(Nullable(String)),
    location LowCardinality(Nullable(String)),
    measured_at DateTime64(3, 'UTC') CODEC(DoubleDelta, Default),
    car_number Nullable(Int32),
    -- readings[i + 1] belongs to channel i of the model; NaN: no value
    readings Array(Float32),
    fault_score Float64,
    alert_level LowCardinality(String),
    alarm_level LowCardinality(Nullable(String)),
    fault_reasons Array(LowCardinality(String)),
    fault_probability Nullable(Float64),
    explanation Nested(
        source LowCardinality(String),
        code LowCardinality(String),
        channel LowCardinality(String),
        value Float64,
        limit Float64,
        contribution Float64),
    features Map(LowCardinality(String), Float64),
    catalog_lsn UInt64,
    threshold_version LowCardinality(Nullable(String)),
    model_version LowCardinality(Nullable(String)),
    revision UInt32,
    committed_at DateTime64(3, 'UTC') CODEC(Delta, Default),
    enriched_at DateTime64(3, 'UTC') CODEC(Delta, Default),
    -- the raw record
    source_partition UInt32,
    source_offset UInt64 CODEC(Delta, Default),
    source_lsn UInt64 CODEC(Delta, Default),
    source_transaction Nullable(String),
    -- the enriched record itself
    topic LowCardinality(String),
    topic_partition UInt32,
    topic_offset UInt64 CODEC(Delta, Default),
    -- when the INSERT was announced; the same for all of its rows and when it is repeated
    ingested_at DateTime('UTC'),
    INDEX by_offset topic_offset TYPE minmax GRANULARITY 1,
    INDEX by_time measured_at TYPE minmax GRANULARITY 1,
    INDEX by_revision revision TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY (topic_partition, toMonday(ingested_at))
ORDER BY (device_id, measured_at)
TTL ingested_at + INTERVAL 90 DAY DELETE,
    ingested_at + INTERVAL 7 DAY RECOMPRESS CODEC(ZSTD(3))
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;
