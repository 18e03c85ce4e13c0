-- How far each input is taken. A row changes in the transaction that stores the input's measurements, so whoever gives an
-- input again after a crash or a lost answer can be told what of it is there already. Not published: it is of no use downstream.
--
-- What is kept has an end: the ingest path of a source deletes its own entries some days after their last change
-- (`pruneLedger` in packages/ingest); until then an input that comes again is recognised.
create table ingest_ledger (
  -- The ingest path, such as `files` or `http`.
  source text not null check (source <> ''),
  -- What tells the input from others of its path: name and beginning of a file, idempotency key of a request.
  key text not null check (key <> ''),
  -- How much of it is taken, in the unit of the path: bytes of a file, items of a request.
  position bigint not null check (position >= 0),
  -- Of what is taken.
  written bigint not null check (written >= 0),
  rejected bigint not null check (rejected >= 0),
  -- What the path needs to recognise the taken part, such as its digest.
  mark text,
  changed_at timestamptz not null default now(),
  -- Null while more is expected.
  completed_at timestamptz,
  primary key (source, key)
);
