import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { replayHeaders, type DeadLetter } from '@faultline/contracts/dead-letter'
import { MemoryBroker, type CommitFate } from '@faultline/runtime/kafka/memory'
import { runDlq } from './dlq.ts'
import { LetterBook } from './letter-book.ts'
import { parseRequest } from './request.ts'

const topics = { measurements: 'raw', deadLetters: 'dead', decisions: 'decided' }
const json = (value: unknown) => Buffer.from(JSON.stringify(value))

/** Bytes travel as base64 in the JSON of the tests. */
async function decode(value: Buffer): Promise<unknown> {
  const decoded = JSON.parse(value.toString()) as Record<string, unknown>
  const bytes = decoded['value']
  await Promise.resolve()
  return { ...decoded, ...(typeof bytes === 'string' && { value: Buffer.from(bytes, 'base64') }) }
}

function setUp(answer: boolean | null = null) {
  const broker = new MemoryBroker()
  const printed: string[] = []
  const book = new LetterBook({ history: broker.history(), topics, decode })
  const hooks = { beforeCommit: (): unknown => undefined }
  const tools = {
    book,
    decode,
    topics,
    partitions: [0, 1],
    producers: broker.transactionalProducers(),
    encodeDecision: json,
    now: () => {
      hooks.beforeCommit()
      return 1_000
    },
    print: (text: string) => printed.push(text),
    confirm: () => Promise.resolve(answer),
  }
  const refuse = (sourceOffset: number, fields: Partial<DeadLetter> = {}, partition = 0) =>
    broker.append(topics.deadLetters, partition, {
      key: json({ device_id: `d${sourceOffset % 2}` }),
      value: json({
        value: Buffer.from(`bytes ${sourceOffset}`).toString('base64'),
        reason: 'UNKNOWN_SCHEMA',
        message: 'no schema 7',
        source_topic: topics.measurements,
        source_partition: partition,
        source_offset: sourceOffset,
        attempts: 1,
        refused_at: sourceOffset,
        ...fields,
      }),
    })
  const run = (request: Record<string, unknown>) =>
    runDlq(tools, parseRequest(JSON.stringify({ json: true, ...request })))
  const replayed = (partition = 0) =>
    broker.read(topics.measurements, partition, 0).records.map(({ value }) => String(value))
  const last = () => JSON.parse(printed.at(-1) ?? '') as Record<string, unknown>
  return { broker, printed, refuse, run, replayed, last, hooks }
}

describe('dlq', () => {
  it('lists open letters with their totals, filtered by reason, device and time', async () => {
    const { refuse, run, last, printed } = setUp()
    for (const n of [1, 2, 3]) refuse(n)
    refuse(4, { reason: 'CLOCK_INVALID' }, 1)
    await run({ verb: 'discard', ids: ['0:2'], yes: true })
    await run({ verb: 'list' })
    expect(last()).toMatchObject({
      letters: [{ id: '0:0', device_id: 'd1', attempts: 1 }, { id: '0:1' }, { id: '1:0' }],
      open: 3,
      discarded: 1,
      open_by_reason: { UNKNOWN_SCHEMA: 2, CLOCK_INVALID: 1 },
    })
    await run({ verb: 'list', reason: 'CLOCK_INVALID' })
    expect(last()).toMatchObject({ letters: [{ id: '1:0' }], open: 1 })
    await run({ verb: 'list', device: 'd0', since: '1970-01-01T00:00:00.002Z', all: true })
    expect(last()).toMatchObject({ letters: [{ id: '0:1' }, { id: '1:0' }] })
    await run({ verb: 'list', json: false })
    expect(printed.at(-1)).toContain(
      '3 open (2 UNKNOWN_SCHEMA, 1 CLOCK_INVALID), 0 replayed, 1 discarded',
    )
  })

  it('shows the bytes, and what they say or why that is not known', async () => {
    const { refuse, run, last } = setUp()
    refuse(1)
    refuse(2, { value: Buffer.from('{"a":1}').toString('base64') as unknown as Buffer })
    await run({ verb: 'show', ids: ['0:0', '0:1'] })
    expect(last()).toMatchObject({
      letters: [
        {
          id: '0:0',
          value: Buffer.from('bytes 1').toString('base64'),
          not_decoded: expect.stringContaining('JSON') as string,
        },
        { id: '0:1', decoded: { a: 1 } },
      ],
    })
    await expect(run({ verb: 'show', ids: ['0:9'] })).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
    })
  })

  it('replays the original bytes in their original order, with where they come from', async () => {
    const { broker, refuse, run, replayed } = setUp()
    // A measurement that waited for its device is refused later than those behind it.
    for (const sourceOffset of [5, 6, 1, 7]) refuse(sourceOffset)
    await run({ verb: 'replay', all: true, yes: true })
    expect(replayed()).toEqual([1, 5, 6, 7].map((n) => `bytes ${n}`))
    expect(broker.read(topics.measurements, 0, 0).records[0]?.headers).toEqual({
      [replayHeaders.letter]: '0:2',
      [replayHeaders.attempts]: '1',
    })
    await run({ verb: 'replay', all: true, yes: true })
    expect(replayed()).toHaveLength(4)
  })

  it('does nothing without a yes, and nothing but say so in a dry run', async () => {
    const { refuse, run, replayed, last } = setUp()
    refuse(1)
    await expect(run({ verb: 'replay', all: true })).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
    })
    await run({ verb: 'replay', all: true, dryRun: true })
    expect(last()).toMatchObject({ selected: 1, done: 0, dry_run: true, letters: ['0:0'] })
    expect(replayed()).toEqual([])
    const no = setUp(false)
    no.refuse(1)
    expect(await no.run({ verb: 'discard', all: true })).toBe(0)
    await no.run({ verb: 'list' })
    expect(no.last()).toMatchObject({ open: 1 })
  })

  it.each([
    ['without saying which', { verb: 'replay' }],
    ['of a letter that is none', { verb: 'replay', ids: ['0:77'], yes: true }],
    ['by what is no id', { verb: 'discard', ids: ['77'] }],
    ['for a reason that is none', { verb: 'list', reason: 'BAD' }],
  ])('refuses a request %s', async (_name, request) => {
    const { refuse, run } = setUp()
    refuse(1)
    await expect((async () => run(request))()).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' })
  })

  // Hypothesis: a run that is killed, or that does not learn how its transaction ended, replays a letter twice or not at all
  // when it is run again; or a letter is both replayed and discarded.
  it('replays each letter once, whatever becomes of its transactions and however often it runs', async () => {
    const fate = fc.constantFrom<CommitFate>('commit', 'lose the reply', 'abort')
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 8 }),
        fc.array(fate, { maxLength: 12 }),
        fc.array(fc.constantFrom('replay', 'discard'), { minLength: 1, maxLength: 4 }),
        async (count, fates, verbs) => {
          const { broker, refuse, run, replayed } = setUp()
          for (let n = 0; n < count; n++) refuse(n)
          const left = [...fates]
          broker.fate = () => left.shift() ?? 'commit'
          for (const [i, verb] of verbs.entries()) {
            const some = i === 0 ? { limit: 3 } : { all: true }
            await run({ verb, all: true, ...some, yes: true }).catch(() => undefined)
          }
          broker.fate = () => 'commit'
          await run({ verb: 'replay', all: true, yes: true })
          const decided = broker
            .read(topics.decisions, 0, 0)
            .records.map(
              ({ value }) => JSON.parse(String(value)) as { offset: number; decision: string },
            )
          expect(decided.map(({ offset }) => offset).sort()).toEqual(
            Array.from({ length: count }, (_, n) => n),
          )
          const toReplay = decided.filter(({ decision }) => decision === 'replayed')
          expect(replayed().sort()).toEqual(toReplay.map(({ offset }) => `bytes ${offset}`).sort())
        },
      ),
    )
  })

  it('tells an operator whom another one overtook, and nothing is replayed twice', async () => {
    const { broker, refuse, run, replayed, hooks } = setUp()
    for (const n of [1, 2]) refuse(n)
    hooks.beforeCommit = () => broker.transactionalProducers().open('faultline-dlq-0')
    const overtaken = run({ verb: 'replay', all: true, yes: true })
    await expect(overtaken).rejects.toMatchObject({
      code: 'PRODUCER_FENCED',
      remedy: expect.stringContaining('run this again') as string,
    })
    expect(replayed()).toEqual([])
    hooks.beforeCommit = () => undefined
    await run({ verb: 'replay', all: true, yes: true })
    expect(replayed()).toEqual(['bytes 1', 'bytes 2'])
  })
})
