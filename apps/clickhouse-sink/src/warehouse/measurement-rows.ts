import type { PackedMeasurement } from '@faultline/contracts/enriched-measurement'
import { RowBinaryWriter } from './row-binary.ts'
import type { OffsetRange, StoredMeasurement } from './warehouse-writer.ts'

interface Row {
  readonly out: RowBinaryWriter
  readonly measurement: PackedMeasurement
  readonly offset: number
  readonly range: OffsetRange
}

const text = (read: (measurement: PackedMeasurement) => string) => (row: Row) => {
  row.out.string(read(row.measurement))
}
const textOrNull =
  (read: (measurement: PackedMeasurement) => string | null) =>
  ({ out, measurement }: Row) => {
    out.nullable(read(measurement), (value) => {
      out.string(value)
    })
  }
const int64 = (read: (measurement: PackedMeasurement) => number) => (row: Row) => {
  row.out.int64(read(row.measurement))
}
const uint32 = (read: (measurement: PackedMeasurement) => number) => (row: Row) => {
  row.out.uint32(read(row.measurement))
}
type Explanation = PackedMeasurement['explanation'][number]
const explanationText =
  (read: (entry: Explanation) => string) =>
  ({ out, measurement }: Row) => {
    out.array(measurement.explanation, (entry) => {
      out.string(read(entry))
    })
  }
const explanationNumber =
  (read: (entry: Explanation) => number) =>
  ({ out, measurement }: Row) => {
    out.array(measurement.explanation, (entry) => {
      out.float64(read(entry))
    })
  }

/** Every column of app.enriched_measurements with what writes it, in the order of the INSERT. */
const columns: Readonly<Record<string, (row: Row) => void>> = {
  event_id: ({ out, measurement }) => {
    out.uint64(measurement.event_id)
  },
  device_id: text((m) => m.device_id),
  type: text((m) => m.type),
  model: text((m) => m.model),
  name: textOrNull((m) => m.name),
  line: textOrNull((m) => m.line),
  location: textOrNull((m) => m.location),
  measured_at: int64((m) => m.measured_at),
  car_number: ({ out, measurement }) => {
    out.nullable(measurement.car_number, (value) => {
      out.int32(value)
    })
  },
  readings: ({ out, measurement }) => {
    out.float32Array(measurement.readings)
  },
  fault_score: ({ out, measurement }) => {
    out.float64(measurement.fault_score)
  },
  alert_level: text((m) => m.alert_level),
  alarm_level: textOrNull((m) => m.alarm_level),
  fault_reasons: ({ out, measurement }) => {
    out.array(measurement.fault_reasons, (reason) => {
      out.string(reason)
    })
  },
  fault_probability: ({ out, measurement }) => {
    out.nullable(measurement.fault_probability, (value) => {
      out.float64(value)
    })
  },
  '`explanation.source`': explanationText((entry) => entry.source),
  '`explanation.code`': explanationText((entry) => entry.code),
  '`explanation.channel`': explanationText((entry) => entry.channel),
  '`explanation.value`': explanationNumber((entry) => entry.value),
  '`explanation.limit`': explanationNumber((entry) => entry.limit),
  '`explanation.contribution`': explanationNumber((entry) => entry.contribution),
  features: ({ out, measurement }) => {
    out.array(Object.entries(measurement.features), ([name, value]) => {
      out.string(name)
      out.float64(value)
    })
  },
  catalog_lsn: int64((m) => m.catalog_lsn),
  threshold_version: textOrNull((m) => m.threshold_version),
  model_version: textOrNull((m) => m.model_version),
  revision: uint32((m) => m.revision),
  committed_at: int64((m) => m.committed_at),
  enriched_at: int64((m) => m.enriched_at),
  source_partition: uint32((m) => m.source.partition),
  source_offset: int64((m) => m.source.offset),
  source_lsn: int64((m) => m.source.lsn),
  source_transaction: textOrNull((m) => m.source.transaction),
  topic: ({ out, range }) => {
    out.string(range.topic)
  },
  topic_partition: ({ out, range }) => {
    out.uint32(range.partition)
  },
  topic_offset: ({ out, offset }) => {
    out.int64(offset)
  },
  ingested_at: ({ out, range }) => {
    out.uint32(range.ingestedAt)
  },
}

export const insertMeasurements = `INSERT INTO app.enriched_measurements (${Object.keys(columns).join(', ')}) FORMAT RowBinary`

const writers = Object.values(columns)

/** The rows of a range as RowBinary for `insertMeasurements`. */
export function encodeMeasurements(
  range: OffsetRange,
  rows: readonly StoredMeasurement[],
): readonly Buffer[] {
  const out = new RowBinaryWriter()
  for (const { measurement, offset } of rows) {
    for (const write of writers) write({ out, measurement, offset, range })
  }
  return out.finish()
}
