import type { DeadLetterDecision } from '@faultline/contracts/dead-letter'
import { decide, type DecideOptions } from './decide.ts'
import { letterId, type Letter, type LetterBook } from './letter-book.ts'
import { invalid, isMeant, type DlqRequest } from './request.ts'
import { describeContent, describeList, letterFields, type ListedLetter } from './print.ts'

export interface DlqTools extends DecideOptions {
  readonly book: LetterBook
  readonly partitions: readonly number[]
  readonly decode: (value: Buffer) => Promise<unknown>
  readonly print: (text: string) => void
  /** Asks a person; null where nobody can answer. */
  readonly confirm: (question: string) => Promise<boolean | null>
}

const listedMax = 100

/** Runs one of the commands and resolves to the exit code. */
export async function runDlq(tools: DlqTools, request: DlqRequest): Promise<number> {
  switch (request.verb) {
    case 'list':
      return list(tools, request)
    case 'show':
      return show(tools, request)
    case 'replay':
      return settle(tools, request, 'replayed')
    case 'discard':
      return settle(tools, request, 'discarded')
  }
}

async function list({ book, partitions, print }: DlqTools, request: DlqRequest): Promise<number> {
  const limit = request.limit ?? listedMax
  const letters: ListedLetter[] = []
  const counts = { open: 0, replayed: 0, discarded: 0 }
  const openByReason: Record<string, number> = {}
  for (const partition of partitions) {
    const decisions = await book.decisions(partition)
    await book.each(partition, ({ letter }) => {
      if (!isMeant(request, letter)) return
      const decision = decisions.get(letter.offset) ?? null
      counts[decision ?? 'open']++
      if (decision === null) openByReason[letter.reason] = (openByReason[letter.reason] ?? 0) + 1
      if ((decision === null || request.all) && letters.length < limit) {
        letters.push({ letter, decision })
      }
    })
  }
  if (request.json) {
    const listed = letters.map(({ letter, decision }) => ({ ...letterFields(letter), decision }))
    print(JSON.stringify({ letters: listed, ...counts, open_by_reason: openByReason }))
  } else print(describeList(letters, counts, openByReason))
  return 0
}

async function show(tools: DlqTools, request: DlqRequest): Promise<number> {
  const { book, decode, print } = tools
  const shown: Record<string, unknown>[] = []
  for (const id of request.ids) {
    const [partition = 0, offset = 0] = id.split(':').map(Number)
    if (!tools.partitions.includes(partition)) throw invalid(`there is no letter ${id}`)
    const decision = (await book.decisions(partition)).get(offset) ?? null
    const pending: Promise<Record<string, unknown>>[] = []
    await book.each(
      partition,
      (content) => {
        pending.push(describeContent(content, decode))
      },
      { from: offset, to: offset + 1 },
    )
    if (pending.length === 0) throw invalid(`there is no letter ${id}`)
    for (const described of await Promise.all(pending)) shown.push({ ...described, decision })
  }
  print(JSON.stringify(request.json ? { letters: shown } : shown, null, request.json ? 0 : 2))
  return 0
}

async function settle(
  tools: DlqTools,
  request: DlqRequest,
  decision: DeadLetterDecision['decision'],
): Promise<number> {
  const chosen = await choose(tools, request)
  const verb = request.verb
  const summary = {
    verb,
    selected: chosen.length,
    done: 0,
    already_decided: 0,
    dry_run: request.dryRun,
  }
  if (!request.dryRun && chosen.length > 0) {
    const isMeantSo = request.yes || (await tools.confirm(`${verb} ${chosen.length} dead letters?`))
    if (isMeantSo === null)
      throw invalid(`say --yes to ${verb} ${chosen.length} dead letters unasked`)
    if (!isMeantSo) return 0
    for (const partition of tools.partitions) {
      const ofPartition = chosen.filter((letter) => letter.partition === partition)
      const { done, already } = await decide(tools, ofPartition, decision)
      summary.done += done
      summary.already_decided += already
    }
  }
  if (request.json) tools.print(JSON.stringify({ ...summary, letters: chosen.map(letterId) }))
  else {
    const what = request.dryRun ? `would ${verb} ${chosen.length}` : `${decision} ${summary.done}`
    tools.print(
      `${what} dead letters${summary.already_decided > 0 ? `, ${summary.already_decided} were decided already` : ''}`,
    )
    if (request.dryRun)
      for (const letter of chosen) tools.print(`  ${letterId(letter)}  ${letter.reason}`)
  }
  return 0
}

/** Letters without a decision that are meant, in the order in which they came. @throws FaultlineError ARGUMENT_INVALID */
async function choose({ book, partitions }: DlqTools, request: DlqRequest): Promise<Letter[]> {
  const chosen: Letter[] = []
  const unknown = new Set(request.ids)
  for (const partition of partitions) {
    if (request.ids.length > 0 && !request.ids.some((id) => id.startsWith(`${partition}:`)))
      continue
    const decisions = await book.decisions(partition)
    await book.each(partition, ({ letter }) => {
      unknown.delete(letterId(letter))
      if (isMeant(request, letter) && !decisions.has(letter.offset)) chosen.push(letter)
    })
  }
  if (unknown.size > 0) throw invalid(`there is no letter ${[...unknown].join(', ')}`)
  return chosen.slice(0, request.limit)
}
