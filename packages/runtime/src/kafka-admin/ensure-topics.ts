import type { TopicSpec } from '@faultline/contracts/topics'
import type { Admin } from 'kafkajs'
import { FaultlineError } from '../errors/index.ts'
import { ConfigResourceTypes, ConfigSource } from '../kafka/kafkajs/library.ts'
import { withAdmin } from './admin-connection.ts'

const retries = 8

/**
 * Creates the topics that are missing and sees that the others have the partitions and settings they need. Settings are put
 * right; another number of partitions is refused, because keys would move and state would be beside its records no more.
 * @throws FaultlineError CONFIG_INVALID, BROKER_UNAVAILABLE
 */
export async function ensureTopics(
  brokers: readonly string[],
  specs: readonly TopicSpec[],
): Promise<void> {
  await withAdmin(brokers, retries, async (admin) => {
    const existing = new Set(await admin.listTopics())
    const missing = specs.filter(({ name }) => !existing.has(name))
    if (missing.length > 0) {
      await admin.createTopics({
        waitForLeaders: true,
        topics: missing.map(({ name, partitions, config }) => ({
          topic: name,
          numPartitions: partitions,
          configEntries: Object.entries(config).map(([key, value]) => ({ name: key, value })),
        })),
      })
    }
    const present = specs.filter(({ name }) => existing.has(name))
    if (present.length > 0) {
      await checkPartitions(admin, present)
      await correctSettings(admin, present)
    }
  })
}

async function checkPartitions(admin: Admin, specs: readonly TopicSpec[]): Promise<void> {
  const { topics } = await admin.fetchTopicMetadata({ topics: specs.map(({ name }) => name) })
  const actual = new Map(topics.map(({ name, partitions }) => [name, partitions.length]))
  const wrong = specs.filter(({ name, partitions }) => actual.get(name) !== partitions)
  if (wrong.length === 0) return
  const list = wrong.map(
    ({ name, partitions }) =>
      `${name} has ${actual.get(name) ?? 0} partitions instead of ${partitions}`,
  )
  throw new FaultlineError('CONFIG_INVALID', `Kafka's topics do not fit: ${list.join('; ')}`, {
    remedy:
      'Use another cluster or delete these topics; docs/operating.md says how to repartition.',
  })
}

/** Sets what the specs name where it differs. What an operator has set besides is kept: the request replaces all of a topic's. */
async function correctSettings(admin: Admin, specs: readonly TopicSpec[]): Promise<void> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: specs.map(({ name }) => ({ type: ConfigResourceTypes.TOPIC, name })),
  })
  const actual = new Map(
    resources.map(({ resourceName, configEntries }) => [
      resourceName,
      new Map(
        configEntries
          .filter(({ configSource }) => configSource === ConfigSource.TOPIC_CONFIG)
          .map(({ configName, configValue }) => [configName, configValue] as const),
      ),
    ]),
  )
  const changes = specs.flatMap(({ name, config }) => {
    const present = actual.get(name) ?? new Map<string, string>()
    const wanted = Object.entries(config)
    if (wanted.every(([key, value]) => present.get(key) === value)) return []
    const entries = [...new Map([...present, ...wanted])]
    return { name, configEntries: entries.map(([key, value]) => ({ name: key, value })) }
  })
  if (changes.length === 0) return
  await admin.alterConfigs({
    validateOnly: false,
    resources: changes.map((change) => ({ type: ConfigResourceTypes.TOPIC, ...change })),
  })
}
