import { invalidArgument } from './problem.ts'

/**
 * A cursor is opaque to callers: base64url of a JSON array of texts, the first naming the list it belongs to. It holds the
 * last item shown, so a page stays right when items come and go around it.
 */
export function encodeCursor(list: string, place: readonly string[]): string {
  return Buffer.from(JSON.stringify([list, ...place])).toString('base64url')
}

/** @throws FaultlineError ARGUMENT_INVALID where the cursor is not one that this list gave out */
export function decodeCursor(
  cursor: string,
  { list, size, field }: { readonly list: string; readonly size: number; readonly field: string },
): readonly string[] {
  const parts = textsIn(Buffer.from(cursor, 'base64url').toString('utf8'))
  if (parts?.length !== size + 1 || parts[0] !== list) {
    throw invalidArgument([
      {
        pointer: `/query/${field}`,
        detail: 'not a cursor of this list; start again without one',
      },
    ])
  }
  return parts.slice(1)
}

function textsIn(json: string): readonly string[] | null {
  try {
    const value: unknown = JSON.parse(json)
    return Array.isArray(value) && value.every((part) => typeof part === 'string') ? value : null
  } catch {
    return null
  }
}
