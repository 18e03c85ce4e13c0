/**
 * What the enricher reads of a change of raw_measurements, as an Avro projection of Debezium's envelope: half of the envelope's bytes
 * say the same in every record, and are skipped. A value with other types is decoded whole; both forms mean the same to `toChange`.
 */
export const capturedMeasurementAvro = {
  type: 'record',
  name: 'Envelope',
  fields: [
    {
      name: 'after',
      type: [
        'null',
        {
          type: 'record',
          name: 'Value',
          fields: [
            { name: 'id', type: 'long' },
            { name: 'device_id', type: 'string' },
            { name: 'measured_at', type: 'string' },
            { name: 'readings', type: { type: 'array', items: ['null', 'float'], packed: true } },
            { name: 'car_number', type: ['null', 'int'], default: null },
          ],
        },
      ],
    },
    {
      name: 'source',
      type: {
        type: 'record',
        name: 'Source',
        fields: [
          { name: 'ts_ms', type: 'long' },
          { name: 'sequence', type: ['null', 'string'] },
          { name: 'txId', type: ['null', 'long'] },
          { name: 'lsn', type: ['null', 'long'] },
        ],
      },
    },
    { name: 'op', type: 'string' },
  ],
} as const
