-- app.latest_measurements: one row an event, the one with the highest revision.
--
-- A plain filter, so that conditions on device_id and measured_at still reach the order key. Corrections are rare: the
-- index on revision lets the inner query pass over every granule without one.
CREATE OR REPLACE VIEW app.latest_measurements AS
SELECT *
FROM app.enriched_measurements
WHERE (event_id, revision) NOT IN
(
    SELECT event_id, arrayJoin(range(1, revision)) AS superseded
    FROM app.enriched_measurements
    WHERE revision > 1
);
