import { messageOf } from '@faultline/runtime/errors'
import { letterId, type Letter, type LetterContent } from './letter-book.ts'

export interface ListedLetter {
  readonly letter: Letter
  readonly decision: string | null
}

/** A letter as `--json` prints it. */
export function letterFields(letter: Letter): Record<string, unknown> {
  return {
    id: letterId(letter),
    reason: letter.reason,
    message: letter.message,
    device_id: letter.deviceId,
    source: `${letter.source_topic}/${letter.source_partition}:${letter.source_offset}`,
    attempts: letter.attempts,
    refused_at: new Date(letter.refused_at).toISOString(),
    bytes: letter.bytes,
  }
}

/** Everything about a letter: its bytes as base64, and decoded where the registry knows how. */
export async function describeContent(
  { letter, key, value }: LetterContent,
  decode: (value: Buffer) => Promise<unknown>,
): Promise<Record<string, unknown>> {
  const decoded = await decode(value).then(
    (content) => ({ decoded: content }),
    (error: unknown) => ({ not_decoded: messageOf(error) }),
  )
  return {
    ...letterFields(letter),
    key: key?.toString('base64') ?? null,
    value: value.toString('base64'),
    ...decoded,
  }
}

export function describeList(
  letters: readonly ListedLetter[],
  counts: { readonly open: number; readonly replayed: number; readonly discarded: number },
  openByReason: Readonly<Record<string, number>>,
): string {
  const rows = letters.map(({ letter, decision }) => [
    letterId(letter),
    letter.reason,
    letter.deviceId ?? '-',
    `${letter.source_partition}:${letter.source_offset}`,
    String(letter.attempts),
    new Date(letter.refused_at).toISOString(),
    decision ?? letter.message,
  ])
  const head = ['id', 'reason', 'device', 'source', 'tries', 'refused at', 'decision or message']
  const widths = head.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)),
  )
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => (i === cells.length - 1 ? cell : cell.padEnd(widths[i] ?? 0))).join('  ')
  const reasons = Object.entries(openByReason).map(([reason, count]) => `${count} ${reason}`)
  const { open, replayed, discarded } = counts
  const total = `${open} open${reasons.length > 0 ? ` (${reasons.join(', ')})` : ''}, ${replayed} replayed, ${discarded} discarded`
  return [...(rows.length > 0 ? [line(head), ...rows.map(line)] : []), total].join('\n')
}
