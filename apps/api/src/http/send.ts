import { hash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { asOfHeader, asOfText } from './as-of.ts'
import type { Answer } from './route.ts'
import type { HeaderList } from './security-headers.ts'

/**
 * Writes an answer, with the headers that were set before and those given. Express's own `json` is left out on purpose: it would
 * search the body for a charset, add a weak ETag and cost a fifth of a look-up.
 */
export function sendAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer<unknown>,
  given: HeaderList = [],
): void {
  // A text goes out in one write with the headers; a buffer would take two.
  const { text: body, tag } = answer.revalidate === true ? tagged(answer.body) : plain(answer.body)
  const headers = [...given, 'Cache-Control', 'no-cache']
  if (answer.asOf !== undefined) headers.push(asOfHeader, asOfText(answer.asOf))
  for (const [name, value] of Object.entries(answer.headers ?? {})) headers.push(name, value)
  if (tag !== undefined) {
    headers.push('ETag', tag)
    if (holds(request.headers['if-none-match'], tag)) {
      response.writeHead(304, headers)
      response.end()
      return
    }
  }
  headers.push('Content-Type', 'application/json; charset=utf-8')
  headers.push('Content-Length', String(Buffer.byteLength(body)))
  response.writeHead(answer.status ?? 200, headers)
  response.end(request.method === 'HEAD' ? undefined : body)
}

interface Text {
  readonly text: string
  readonly tag?: string
}

const plain = (body: unknown): Text => ({ text: JSON.stringify(body) })

const known = new WeakMap<object, Text>()

/** The text of a body with its tag. It is made once for each body, which may be given for many requests. */
function tagged(body: unknown): Text {
  const made = body instanceof Object ? known.get(body) : undefined
  if (made !== undefined) return made
  const text = JSON.stringify(body)
  const withTag = { text, tag: `"${hash('sha1', text, 'base64url')}"` }
  if (body instanceof Object) known.set(body, withTag)
  return withTag
}

/** Whether an If-None-Match header names the tag; weak comparison, as RFC 9110 wants it for this header. */
function holds(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false
  if (header.trim() === '*') return true
  return header.split(',').some((candidate) => candidate.trim().replace(/^W\//, '') === tag)
}
