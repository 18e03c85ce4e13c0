import { hash } from 'node:crypto'
import type { Request, Response } from 'express'
import { asOfHeader, asOfText } from './as-of.ts'
import type { Answer } from './route.ts'

/**
 * Writes an answer. Express's own `json` is left out on purpose: it would search the body for a charset, add a weak ETag and
 * cost a fifth of a look-up.
 */
export function sendAnswer(request: Request, response: Response, answer: Answer<unknown>): void {
  // A text goes out in one write with the headers; a buffer would take two.
  const body = JSON.stringify(answer.body)
  response.setHeader('Content-Type', 'application/json; charset=utf-8')
  response.setHeader('Cache-Control', 'no-cache')
  if (answer.asOf !== undefined) response.setHeader(asOfHeader, asOfText(answer.asOf))
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value)
  if (answer.revalidate === true) {
    const tag = `"${hash('sha1', body, 'base64url')}"`
    response.setHeader('ETag', tag)
    if (holds(request.headers['if-none-match'], tag)) {
      response.removeHeader('Content-Type')
      response.statusCode = 304
      response.end()
      return
    }
  }
  response.statusCode = answer.status ?? 200
  response.setHeader('Content-Length', Buffer.byteLength(body))
  response.end(request.method === 'HEAD' ? undefined : body)
}

/** Whether an If-None-Match header names the tag; weak comparison, as RFC 9110 wants it for this header. */
function holds(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false
  if (header.trim() === '*') return true
  return header.split(',').some((candidate) => candidate.trim().replace(/^W\//, '') === tag)
}
