-- Each source deletes its entries by their age (`pruneLedger` in packages/ingest). The MQTT source has one entry for each message of a day,
-- millions of them, and every hour it would read all of them to find the few that are old. The entries of one transaction have one
-- time, so the index stays small. While it is made, nothing can be written to the ledger: about a second a million entries.
create index ingest_ledger_by_age on ingest_ledger (source, changed_at);
