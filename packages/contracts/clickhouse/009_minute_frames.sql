-- app.measurements_1min made anew: a minute's state is its readings themselves.
--
-- The exact quantiles of a minute hold every reading already, so the other states only repeated what follows from them. They
-- cost 50 to 120 us of processor a row of 100 channels, because a fleet reports about once a minute and a group then
-- holds a single row: six states a channel were made, written and merged for every reading. Now a minute is the list of its
-- frames; merging two lists puts them one after the other, which is a mergeable state like the others. Count, sum,
-- extremes, deviation and quantiles are worked out by app.metrics_1min, of the channels that are asked for only.
-- docs/decisions/0005-clickhouse-exactly-once.md has the figures.
--
-- One row a device, minute and model (a device that changes its model has other channels from then on). A frame is a row's
-- readings, element i + 1 is channel i, NaN and infinite ones included; the view leaves them out.
-- Only revision 1 of an event counts, a correction never changes its readings.
--
-- Made anew means: emptied. The states of before cannot be turned into frames; the sink fills the table again from
-- app.enriched_measurements, which keeps its rows longer than this table does, from the first offset on. Until it has
-- caught up, minutes are missing; progress_of and next_offset tell how far it is.
--
-- Progress, engine, order, partition, TTL and codecs as before (002_measurements_1min.sql).
CREATE OR REPLACE TABLE app.measurements_1min
(
    device_id String,
    bucket DateTime64(3, 'UTC') CODEC(DoubleDelta, Default),
    progress_of LowCardinality(String),
    model LowCardinality(String),
    next_offset SimpleAggregateFunction(max, UInt64),
    ingested_at SimpleAggregateFunction(max, DateTime('UTC')),
    frames SimpleAggregateFunction(groupArrayArray, Array(Array(Float32)))
)
ENGINE = AggregatingMergeTree
PARTITION BY toMonday(ingested_at)
ORDER BY (device_id, bucket, progress_of, model)
TTL ingested_at + INTERVAL 30 DAY DELETE WHERE device_id != '',
    ingested_at + INTERVAL 7 DAY RECOMPRESS CODEC(ZSTD(3))
SETTINGS non_replicated_deduplication_window = 10000;

-- app.metrics_1min: one row a device, channel and minute. Filters on device_id and bucket reach the table's order key; those
-- on model and channel take effect before anything is worked out.
CREATE OR REPLACE VIEW app.metrics_1min AS
SELECT
    device_id,
    bucket,
    model,
    channel,
    count() AS count,
    sum(toFloat64(reading)) AS sum,
    sum / count AS avg,
    min(reading) AS min,
    max(reading) AS max,
    stddevPopStable(toFloat64(reading)) AS stddev,
    quantilesExactInclusive(0.5, 0.95)(reading)[1] AS median,
    quantilesExactInclusive(0.5, 0.95)(reading)[2] AS p95
FROM
(
    SELECT device_id, bucket, model, toUInt16(position - 1) AS channel, reading
    FROM
    (
        SELECT device_id, bucket, model, arrayJoin(frames) AS frame
        FROM app.measurements_1min
        WHERE device_id != ''
    )
    ARRAY JOIN frame AS reading, arrayEnumerate(frame) AS position
    WHERE isFinite(reading)
)
GROUP BY device_id, bucket, model, channel;
