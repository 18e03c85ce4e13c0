/**
 * The environment variables that the applications read and `faultline env` prints. Each is spelled here only.
 * Addresses have no default in an application: `faultline up` or the operator sets them.
 */
export const environment = {
  databaseUrl: 'DATABASE_URL',
  /** Password that migrations give to the role Debezium reads with. */
  replicationPassword: 'FAULTLINE_REPLICATION_PASSWORD',
  kafkaBootstrap: 'KAFKA_BOOTSTRAP',
  schemaRegistryUrl: 'SCHEMA_REGISTRY_URL',
  connectUrl: 'CONNECT_URL',
  redisUrl: 'REDIS_URL',
  redisHost: 'REDIS_HOST',
  redisPort: 'REDIS_PORT',
  clickhouseUrl: 'CLICKHOUSE_URL',
  apiUrl: 'API_URL',
  /** Address the API listens on, `host:port`. */
  apiListen: 'API_LISTEN',
  /** Address of an application's /healthz, /readyz and /metrics, `host:port`. */
  opsListen: 'OPS_LISTEN',
  topicCatalog: 'TOPIC_CATALOG',
  topicMeasurements: 'TOPIC_MEASUREMENTS',
  enrichTopic: 'ENRICH_TOPIC',
  startingOffsets: 'STARTING_OFFSETS',
  logLevel: 'LOG_LEVEL',
  /** Half-life of decayed fault sums, milliseconds; the enricher and the Redis consumer must agree. */
  faultHalfLifeMs: 'FAULT_HALF_LIFE_MS',
  /** Events kept in Redis: of each type's log, and of each sliding window of a ranking. */
  redisStreamEventsMax: 'REDIS_STREAM_EVENTS_MAX',
  redisWindowEventsMax: 'REDIS_WINDOW_EVENTS_MAX',
  /** Number of the Redis database in which a rebuild prepares the next generation. */
  redisStagingDb: 'REDIS_STAGING_DB',
  parkedMax: 'PARKED_MAX',
  deadLetterConsecutiveMax: 'DEAD_LETTER_CONSECUTIVE_MAX',
  /** Share of refused records among the last ones of a partition, above which the enricher stops. */
  deadLetterRatioMax: 'DEAD_LETTER_RATIO_MAX',
  deadLetterRatioWindow: 'DEAD_LETTER_RATIO_WINDOW',
  /** Row ids of a partition for which the enricher knows whether it took the row in; one bit each, in memory and stored. */
  rowIdsKept: 'ROW_IDS_KEPT',
  /** Rows of one INSERT into ClickHouse, and how long a row waits for company, milliseconds. */
  sinkRowsMax: 'SINK_ROWS_MAX',
  sinkWaitMaxMs: 'SINK_WAIT_MAX_MS',
  clockAheadMaxMs: 'CLOCK_AHEAD_MAX_MS',
  /** Folder whose frame files the collector takes; `inbox` in the home of a stack. */
  collectFolder: 'COLLECT_FOLDER',
  /** Where rejected records and unreadable files go, and collected files; relative ones are inside COLLECT_FOLDER. */
  collectErrorFolder: 'COLLECT_ERROR_FOLDER',
  collectArchiveFolder: 'COLLECT_ARCHIVE_FOLDER',
  /** How often the collector looks without being told by the system, milliseconds. */
  collectPollMs: 'COLLECT_POLL_MS',
  /** A file that has not changed for this long is finished, milliseconds. */
  collectSettleMs: 'COLLECT_SETTLE_MS',
  /** Points that the collector has read and not committed, at most. */
  collectPointsMax: 'COLLECT_POINTS_MAX',
  /** A batch of the collector is sent after this many milliseconds even if it is not full. */
  collectBatchMs: 'COLLECT_BATCH_MS',
  /** Broker of the MQTT source, `mqtt://` or `mqtts://`; there is no such source where it is not set. */
  mqttUrl: 'MQTT_URL',
  /** Topics it takes: a filter in which one level may be `{device_id}`. */
  mqttTopic: 'MQTT_TOPIC',
  /** The name under which the broker keeps messages for it. */
  mqttClientId: 'MQTT_CLIENT_ID',
  /** Folder of rejected messages; `rejected` in the home of a stack. */
  mqttErrorFolder: 'MQTT_ERROR_FOLDER',
  /** Messages on their way to PostgreSQL at most. */
  mqttInFlightMax: 'MQTT_IN_FLIGHT_MAX',
  /** A message that comes again is known for so many hours. */
  mqttKnownHours: 'MQTT_KNOWN_HOURS',
  /** Folder of a stack's data, logs and run files; `.faultline` in the project when not set. */
  faultlineHome: 'FAULTLINE_HOME',
  /** Folder of downloaded programs, shared by all stacks of a user. */
  faultlineCache: 'FAULTLINE_CACHE',
  /** Options of Node for the applications of a stack, as in NODE_OPTIONS: a debugger, a profiler, a module to load first. */
  nodeOptions: 'FAULTLINE_NODE_OPTIONS',
  /** Folder in which tests arm failpoints (docs/failpoints.md); set in no production. */
  failpoints: 'FAULTLINE_FAILPOINTS',
  /** Days after which a month of raw measurements is dropped, counted from its end and from the last row written to it. */
  rawRetentionDays: 'RAW_RETENTION_DAYS',
  /** Measurements a second of the whole demo fleet. */
  demoRowsPerSecond: 'DEMO_ROWS_PER_SECOND',
  /** The demo fleet of one seed always has the same faults at the same times. */
  demoSeed: 'DEMO_SEED',
} as const

/**
 * Names that no application reads: docker-compose.yml puts the passwords into addresses, and the test of the page finds its
 * browser by one. `faultline` knows them, so that a shell or an .env file may hold them.
 */
export const otherEnvironment = {
  databasePassword: 'FAULTLINE_DATABASE_PASSWORD',
  clickhousePassword: 'FAULTLINE_CLICKHOUSE_PASSWORD',
  redisPassword: 'FAULTLINE_REDIS_PASSWORD',
  chromium: 'FAULTLINE_CHROMIUM',
} as const
