import type { Kafka } from 'kafkajs'
import { describe, expect, it } from 'vitest'
import { TopicEndsReader } from './topic-ends.ts'

/** A broker that answers when it is told to. */
function broker() {
  const asked: PromiseWithResolvers<number>[] = []
  const cluster = {
    refreshMetadata: () => Promise.resolve(),
    refreshMetadataIfNecessary: () => Promise.resolve(),
    async fetchTopicsOffset(topics: readonly { readonly topic: string }[]) {
      const answer = Promise.withResolvers<number>()
      asked.push(answer)
      const offset = String(await answer.promise)
      return topics.map(({ topic }) => ({ topic, partitions: [{ offset }] }))
    },
  }
  const kafka = { [Symbol('private:Kafka:createCluster')]: () => cluster }
  return { asked, reader: new TopicEndsReader(kafka as unknown as Kafka, ['a', 'b']) }
}

const turn = () => new Promise(setImmediate)

describe('TopicEndsReader', () => {
  // Hypothesis: an answer that was under way when the call came is taken for it, and is too old.
  it('asks anew for callers that come while a request is under way, once for all of them', async () => {
    const { asked, reader } = broker()
    const first = reader.read()
    await turn()
    const late = [reader.read(), reader.read()]
    await turn()
    expect(asked.length).toBe(1)
    asked[0]?.resolve(5)
    expect(await first).toEqual(new Map(Object.entries({ a: 5, b: 5 })))
    await turn()
    expect(asked.length).toBe(2)
    const later = reader.read()
    asked[1]?.resolve(7)
    for (const one of late) expect((await one).get('a')).toBe(7)
    await turn()
    asked[2]?.resolve(8)
    expect((await later).get('a')).toBe(8)
  })

  it('tells each caller that the broker did not answer, and asks again for the next', async () => {
    const { asked, reader } = broker()
    const first = reader.read()
    await turn()
    const second = reader.read()
    asked[0]?.reject(new Error('away'))
    await expect(first).rejects.toThrow('away')
    await turn()
    asked[1]?.resolve(3)
    expect((await second).get('b')).toBe(3)
    await turn()
    const third = reader.read()
    await turn()
    asked[2]?.resolve(4)
    expect((await third).get('b')).toBe(4)
  })
})
