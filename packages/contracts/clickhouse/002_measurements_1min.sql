-- app.measurements_1min: readings by device, channel and minute, as mergeable states.
--
-- One row a device and minute, the channels side by side in arrays (element i + 1 is channel i): a group of a
-- hundred channels costs one look-up instead of a hundred, four times faster to build, equally large on disk.
-- app.metrics_1min shows them as one row a channel with finished values.
-- NaN and infinite readings are left out; only revision 1 of an event counts, a correction never changes its readings.
-- Quantiles are exact, interpolated as in the coarser roll-ups; a minute holds few values, and their state is the smallest.
--
-- Filled by the sink from app.enriched_measurements, range of offsets by range. The row that says how far a Kafka
-- partition has been rolled up (device_id '', progress_of 'topic:partition', next_offset) is part of the same INSERT, and
-- an INSERT is one part: data and progress appear together or not at all.
--
-- Engine     AggregatingMergeTree: late rows merge into their minute whenever they come.
-- Order      (device_id, bucket, progress_of): reports and charts read one device over a period.
-- Partition  week of ingestion; one INSERT has one ingested_at.
-- TTL        30 days after ingestion, for the same reason as app.enriched_measurements; progress rows stay.
-- Codec      LZ4 while new, ZSTD(3) after seven days.
CREATE TABLE IF NOT EXISTS app.measurements_1min
(
    device_id String,
    bucket DateTime64(3, 'UTC') CODEC(DoubleDelta, Default),
    progress_of LowCardinality(String),
    next_offset SimpleAggregateFunction(max, UInt64),
    ingested_at SimpleAggregateFunction(max, DateTime('UTC')),
    model SimpleAggregateFunction(anyLast, LowCardinality(String)),
    count AggregateFunction(countIfForEach, Array(UInt8)),
    sum AggregateFunction(sumIfForEach, Array(Float64), Array(UInt8)),
    min AggregateFunction(minIfForEach, Array(Float32), Array(UInt8)),
    max AggregateFunction(maxIfForEach, Array(Float32), Array(UInt8)),
    stddev AggregateFunction(stddevPopStableIfForEach, Array(Float64), Array(UInt8)),
    quantiles AggregateFunction(quantilesExactInclusiveIfForEach(0.5, 0.95), Array(Float32), Array(UInt8))
)
ENGINE = AggregatingMergeTree
PARTITION BY toMonday(ingested_at)
ORDER BY (device_id, bucket, progress_of)
TTL ingested_at + INTERVAL 30 DAY DELETE WHERE device_id != '',
    ingested_at + INTERVAL 7 DAY RECOMPRESS CODEC(ZSTD(3))
SETTINGS non_replicated_deduplication_window = 10000;

-- app.metrics_1min: one row a device, channel and minute. Filters on device_id and bucket reach the table's order key.
CREATE OR REPLACE VIEW app.metrics_1min AS
SELECT
    device_id,
    bucket,
    model,
    toUInt16(position - 1) AS channel,
    n AS count,
    s AS sum,
    s / n AS avg,
    lo AS min,
    hi AS max,
    sd AS stddev,
    q[1] AS median,
    q[2] AS p95
FROM
(
    SELECT
        device_id,
        bucket,
        anyLast(m.model) AS model,
        countIfForEachMerge(m.count) AS counts,
        sumIfForEachMerge(m.sum) AS sums,
        minIfForEachMerge(m.min) AS minima,
        maxIfForEachMerge(m.max) AS maxima,
        stddevPopStableIfForEachMerge(m.stddev) AS deviations,
        quantilesExactInclusiveIfForEachMerge(0.5, 0.95)(m.quantiles) AS quantiles
    FROM app.measurements_1min AS m
    WHERE device_id != ''
    GROUP BY device_id, bucket
)
ARRAY JOIN
    counts AS n,
    sums AS s,
    minima AS lo,
    maxima AS hi,
    deviations AS sd,
    quantiles AS q,
    arrayEnumerate(counts) AS position
WHERE n > 0;
