import { expect, test } from 'vitest'
import { kafkaArtefact, registryArtefact } from './artefacts.ts'
import { pomOf } from './pom.ts'

test('names each dependency with its version', () => {
  const pom = pomOf(kafkaArtefact.dependencies, false)
  expect(pom).toContain(
    '<groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>4.3.1</version>',
  )
  expect(pom.match(/<dependency>/g)).toHaveLength(kafkaArtefact.dependencies.length)
  expect(pom).not.toContain('<exclusion>')
})

test('takes an archive alone, by its type and classifier', () => {
  const pom = pomOf(registryArtefact.dependencies, true)
  expect(pom).toContain('<type>tar.gz</type>')
  expect(pom).toContain('<classifier>all</classifier>')
  expect(pom).toContain('<exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion>')
})
