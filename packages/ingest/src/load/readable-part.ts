import { systemCode } from '@faultline/runtime/errors'
import type { Loadable } from '../files/loadable.ts'
import type { LoadedFile } from './loaded-file.ts'

/**
 * The records of a file up to where it can be read. A damaged archive or a failing disk ends this file with a rejection,
 * and the load goes on with the next one. Any other error is passed on.
 */
export async function* readablePart(
  file: Pick<LoadedFile, 'name' | 'read'>,
  pieces: AsyncIterable<Iterable<Loadable>>,
): AsyncGenerator<Iterable<Loadable>> {
  try {
    yield* pieces
  } catch (error) {
    const code = systemCode(error)
    if (code === undefined || !(code.startsWith('Z_') || code === 'EIO')) throw error
    const { name, read } = file
    yield [
      {
        rejection: {
          file: name,
          at: read + 1,
          reason: 'FILE_UNREADABLE',
          detail: `the file cannot be read beyond its first ${read} records (${code})`,
          raw: '',
          encoding: 'text',
        },
      },
    ]
  }
}
