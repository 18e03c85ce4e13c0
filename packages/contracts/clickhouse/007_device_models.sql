-- app.device_models: the channels of each model, so that a query can name a channel.
--
-- Engine     ReplacingMergeTree by log position: written at least once, the newest row of a model wins.
-- Order      model. TTL none.
CREATE TABLE IF NOT EXISTS app.device_models
(
    model String,
    type LowCardinality(String),
    channels Array(String),
    units Array(String),
    lsn UInt64
)
ENGINE = ReplacingMergeTree(lsn)
ORDER BY model;

-- app.channels: one row a model and channel; channel counts from 0 as in app.metrics_*.
CREATE OR REPLACE VIEW app.channels AS
SELECT model, type, toUInt16(position - 1) AS channel, channel_name AS name, unit
FROM app.device_models FINAL
ARRAY JOIN channels AS channel_name, arrayResize(units, length(channels), '') AS unit, arrayEnumerate(channels) AS position;
