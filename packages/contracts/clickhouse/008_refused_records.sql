-- app.refused_records: records of the topic enriched_measurements that the sink could not read, kept as they were.
--
-- Engine     ReplacingMergeTree: a record is identified by its place, writing it again changes nothing.
-- Order      its place in Kafka. Partition none: this table is empty unless something is broken.
-- TTL        none: an operator looks at them and decides.
CREATE TABLE IF NOT EXISTS app.refused_records
(
    topic LowCardinality(String),
    topic_partition UInt32,
    topic_offset UInt64,
    reason LowCardinality(String),
    message String,
    -- the bytes, base64
    record_key Nullable(String),
    record_value String,
    refused_at DateTime('UTC') DEFAULT now()
)
ENGINE = ReplacingMergeTree
ORDER BY (topic, topic_partition, topic_offset);
