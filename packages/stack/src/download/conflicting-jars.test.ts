import { expect, test } from 'vitest'
import { isBroughtByWorker } from './conflicting-jars.ts'

test.each([
  'kafka-clients-3.9.0.jar',
  'connect-api-3.9.0.jar',
  'connect-json-3.9.0.jar',
  'slf4j-api-1.7.36.jar',
  'lz4-java-1.8.0.jar',
  'snappy-java-1.1.10.5.jar',
  'zstd-jni-1.5.6-4.jar',
])('%s is left to the worker', (jar) => {
  expect(isBroughtByWorker(jar)).toBe(true)
})

test.each([
  'debezium-connector-postgres-3.7.0.Final.jar',
  'debezium-connect-plugins-3.7.0.Final.jar',
  'apicurio-registry-utils-converter-2.6.13.Final.jar',
  'postgresql-42.7.13.jar',
  'jackson-databind-2.21.2.jar',
])('%s stays in the plugin', (jar) => {
  expect(isBroughtByWorker(jar)).toBe(false)
})
