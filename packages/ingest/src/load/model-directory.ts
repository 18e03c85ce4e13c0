import type { PostgresConnection } from '@faultline/runtime/postgres'
import type { ModelDirectory } from '../files/csv-file.ts'

/** Reads which channels the models have and which model each device has. Holds one entry a registered device. */
export async function readModelDirectory(connection: PostgresConnection): Promise<ModelDirectory> {
  const models = await connection.query<{ model: string; channels: string[] }>(
    'select model, channels from device_models order by model',
  )
  const devices = await connection.query<{ device_id: string; model: string }>(
    'select device_id, model from device_catalog',
  )
  return {
    channelsOf: new Map(models.map(({ model, channels }) => [model, channels])),
    modelOf: new Map(devices.map(({ device_id, model }) => [device_id, model])),
  }
}
