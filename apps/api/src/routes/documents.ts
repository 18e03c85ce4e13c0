import type { RawRoute } from '../http/route.ts'

interface DocumentShape {
  readonly path: string
  readonly summary: string
  readonly mediaType: string
  /** Called once, at the first request. */
  readonly render: () => string
}

/** A route for a text that does not change while the process runs. */
export function documentRoute({ path, summary, mediaType, render }: DocumentShape): RawRoute {
  let text: string | undefined
  return {
    kind: 'raw',
    method: 'get',
    path,
    tag: 'Documents',
    summary,
    description: undefined,
    mediaType,
    errors: [],
    handle: (_request, response) => {
      text ??= render()
      response.setHeader('Content-Type', `${mediaType}; charset=utf-8`)
      response.setHeader('Cache-Control', 'no-cache')
      response.end(text)
    },
  }
}
