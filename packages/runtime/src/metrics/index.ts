import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'

/**
 * Every metric of the product, defined once: name, help, labels. docs/metrics.md lists the same names (a test compares them).
 * An application creates only what it uses: `metrics.counter('records_processed_total')`.
 */
export const metricCatalogue = {
  faultline_records_total: {
    kind: 'counter',
    help: 'Records taken from a topic',
    labels: ['topic', 'outcome'],
  },
  faultline_dead_letters_total: {
    kind: 'counter',
    help: 'Records refused and passed over, by reason',
    labels: ['reason'],
  },
  faultline_transactions_total: {
    kind: 'counter',
    help: 'Kafka transactions, by end',
    labels: ['outcome'],
  },
  faultline_batch_seconds: {
    kind: 'histogram',
    help: 'Time to process one batch',
    labels: ['app'],
  },
  faultline_freshness_seconds: {
    kind: 'histogram',
    help: 'From commit in PostgreSQL to effect here',
    labels: ['app'],
  },
  faultline_next_offset: {
    kind: 'gauge',
    help: 'Next offset to process, by partition',
    labels: ['topic', 'partition'],
  },
  faultline_lag_records: {
    kind: 'gauge',
    help: 'Records behind the end of the partition',
    labels: ['topic', 'partition'],
  },
  faultline_roll_up_lag_records: {
    kind: 'gauge',
    help: 'Stored records that a roll-up has not taken in yet',
    labels: ['level', 'partition'],
  },
  faultline_parked_measurements: {
    kind: 'gauge',
    help: 'Measurements waiting for their device',
    labels: ['partition'],
  },
  faultline_replays_skipped_total: {
    kind: 'counter',
    help: 'Records seen again and not applied again',
    labels: ['app'],
  },
  faultline_fenced_total: {
    kind: 'counter',
    help: 'Writes refused because a newer owner exists',
    labels: ['app'],
  },
  faultline_serving_store_losses_total: {
    kind: 'counter',
    help: 'Partitions of which Redis was found to have lost what it held',
    labels: ['app'],
  },
  faultline_http_request_seconds: {
    kind: 'histogram',
    help: 'HTTP requests',
    labels: ['method', 'route', 'status'],
  },
  faultline_measurements_written_total: {
    kind: 'counter',
    help: 'Measurements committed to PostgreSQL',
    labels: ['app'],
  },
  faultline_rejected_total: {
    kind: 'counter',
    help: 'Input records refused, by reason',
    labels: ['app', 'reason'],
  },
  faultline_files_total: {
    kind: 'counter',
    help: 'Files taken out of the folder of the collector, by outcome',
    labels: ['outcome'],
  },
  faultline_files_waiting: {
    kind: 'gauge',
    help: 'Frame files that lay in the folder of the collector at its last look',
    labels: [],
  },
  faultline_ingest_waiting: {
    kind: 'gauge',
    help: 'Things a source waits for: the database, the MQTT broker, room on a disk',
    labels: [],
  },
  faultline_messages_held: {
    kind: 'gauge',
    help: 'MQTT messages taken and not acknowledged yet',
    labels: [],
  },
  faultline_points_held: {
    kind: 'gauge',
    help: 'Points of frame files read and not committed yet; COLLECT_POINTS_MAX at most',
    labels: [],
  },
  faultline_audit_differences: {
    kind: 'gauge',
    help: 'Differences from the enriched topic that the last round of the auditor found',
    labels: ['store'],
  },
  faultline_audit_next_offset: {
    kind: 'gauge',
    help: 'Everything below was compared with the enriched topic',
    labels: ['store', 'partition'],
  },
  faultline_audit_round_at_seconds: {
    kind: 'gauge',
    help: 'When the auditor last finished a round over a store, epoch seconds',
    labels: ['store'],
  },
  faultline_slot_usable: {
    kind: 'gauge',
    help: '1 while the replication slot exists and its log is there',
    labels: [],
  },
  faultline_slot_retained_bytes: {
    kind: 'gauge',
    help: 'Log that PostgreSQL keeps for the replication slot',
    labels: [],
  },
  faultline_slot_room_bytes: {
    kind: 'gauge',
    help: 'Log the slot can still hold back before the disk is full or the slot is given up',
    labels: [],
  },
  faultline_slot_seconds_left: {
    kind: 'gauge',
    help: 'Until that room is used up at the rate of the last five minutes; +Inf: not at this rate',
    labels: [],
  },
  faultline_months_dropped_total: {
    kind: 'counter',
    help: 'Months of raw measurements dropped by retention',
    labels: [],
  },
  faultline_live_clients: { kind: 'gauge', help: 'Open server-sent event streams', labels: [] },
} as const

type Catalogue = typeof metricCatalogue
type NamesOf<K extends string> = {
  [N in keyof Catalogue]: Catalogue[N]['kind'] extends K ? N : never
}[keyof Catalogue]

const buckets = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30]

/** The metrics of one process. */
export class Metrics {
  readonly registry = new Registry()

  constructor() {
    collectDefaultMetrics({ register: this.registry })
  }

  counter(name: NamesOf<'counter'>): Counter {
    return new Counter({ ...this.#options(name), registers: [this.registry] })
  }

  /** With `read`, a gauge without labels whose value is asked for whenever somebody looks. */
  gauge(name: NamesOf<'gauge'>, read?: () => number): Gauge {
    const options = { ...this.#options(name), registers: [this.registry] }
    if (read === undefined) return new Gauge(options)
    return new Gauge({
      ...options,
      collect() {
        this.set(read())
      },
    })
  }

  histogram(name: NamesOf<'histogram'>): Histogram {
    return new Histogram({ ...this.#options(name), buckets, registers: [this.registry] })
  }

  #options(name: keyof Catalogue) {
    return {
      name,
      help: metricCatalogue[name].help,
      labelNames: [...metricCatalogue[name].labels] as string[],
    }
  }
}
