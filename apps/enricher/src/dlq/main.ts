import { createInterface } from 'node:readline/promises'
import { deadLetterDecisionAvro, type DeadLetterDecision } from '@faultline/contracts/dead-letter'
import {
  connectKafka,
  kafkajsTopicHistory,
  kafkajsTransactionalProducers,
  topicPartitions,
} from '@faultline/runtime/kafka'
import { runTool } from '@faultline/runtime/lifecycle'
import { createLogger } from '@faultline/runtime/logging'
import { createDecoder, createEncoder, httpSchemaRegistry } from '@faultline/runtime/registry'
import { parseDlqConfig } from './config.ts'
import { runDlq } from './dlq.ts'
import { LetterBook } from './letter-book.ts'
import { parseRequest } from './request.ts'

runTool(async (signal) => {
  const request = parseRequest(process.argv[2])
  const { brokers, registryUrl, topics, logLevel } = parseDlqConfig(process.env)
  const logger = createLogger('dlq', logLevel)
  const connection = await connectKafka({ brokers, clientId: 'faultline-dlq', logger })
  try {
    const { kafka, admin } = connection.value
    const registry = httpSchemaRegistry(registryUrl)
    const decode = createDecoder(registry)
    const history = kafkajsTopicHistory(kafka, admin)
    return await runDlq(
      {
        book: new LetterBook({ history, topics, decode }),
        partitions: await topicPartitions(admin, topics.deadLetters),
        producers: kafkajsTransactionalProducers(kafka),
        encodeDecision: await createEncoder<DeadLetterDecision>(
          registry,
          topics.decisions,
          deadLetterDecisionAvro,
        ),
        decode,
        topics,
        now: Date.now,
        print: (text) => process.stdout.write(`${text}\n`),
        confirm: (question) => ask(question, signal),
      },
      request,
    )
  } finally {
    await connection.stop()
  }
})

/** Null where nobody sits at a terminal. */
async function ask(question: string, signal: AbortSignal): Promise<boolean | null> {
  if (!process.stdin.isTTY) return null
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `, { signal })).trim())
  } finally {
    terminal.close()
  }
}
