import { systemCode } from '@faultline/runtime/errors'
import type { Loadable } from '../files/loadable.ts'

/**
 * The records of a file up to where it can be read. A damaged archive or a failing disk ends this file with a rejection,
 * and the load goes on with the next one. Any other error is passed on.
 */
export async function* readablePart(
  file: string,
  records: AsyncIterable<Loadable>,
): AsyncGenerator<Loadable> {
  let read = 0
  try {
    for await (const record of records) {
      read += 1
      yield record
    }
  } catch (error) {
    const code = systemCode(error)
    if (code === undefined || !(code.startsWith('Z_') || code === 'EIO')) throw error
    yield {
      rejection: {
        file,
        at: read + 1,
        reason: 'FILE_UNREADABLE',
        detail: `the file cannot be read beyond its first ${read} records (${code})`,
        raw: '',
        encoding: 'text',
      },
    }
  }
}
