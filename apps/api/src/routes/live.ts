import type { Request, Response } from 'express'
import { invalidArgument } from '../http/problem.ts'
import type { RawRoute } from '../http/route.ts'
import type { LiveHub } from '../live/live-hub.ts'

const lastEventIdMax = 64

export function liveRoute(hub: LiveHub): RawRoute {
  return {
    kind: 'raw',
    method: 'get',
    path: '/api/live',
    tag: 'Live',
    summary: 'Server-sent events: rankings, fleet, device changes, progress',
    description:
      'Events: `hello` (start), `reset` (what you missed is gone; what follows is the present), `fleet`, `ranking` (one a ' +
      'type, and `all`), `devices` (the newest event of each device that changed), `progress`, `unavailable`. A comment ' +
      'every 15 s keeps the line open. Each carries `as_of`; `min_offset` is refused. Send `Last-Event-ID` to go on where you were.',
    mediaType: 'text/event-stream',
    errors: ['ARGUMENT_INVALID', 'RATE_LIMITED'],
    handle: (request, response) => {
      if ('min_offset' in request.query) {
        throw invalidArgument([
          {
            pointer: '/query/min_offset',
            detail: 'not for a stream: wait for the event `progress`',
          },
        ])
      }
      stream(hub, request, response)
    },
  }
}

function stream(hub: LiveHub, request: Request, response: Response): void {
  const given = request.headers['last-event-id']
  const lastEventId = typeof given === 'string' ? given.slice(0, lastEventIdMax) : null
  let isOpen = false
  const client = hub.join(
    {
      write: (text) => {
        // Only now: had the hub refused, the answer were a problem and not a stream.
        if (!isOpen) {
          isOpen = true
          response.writeHead(200, {
            'Content-Type': 'text/event-stream; charset=utf-8',
            'Cache-Control': 'no-store',
            'X-Accel-Buffering': 'no',
          })
        }
        return response.write(text)
      },
      end: () => {
        response.end()
      },
      destroy: () => {
        response.destroy()
      },
    },
    lastEventId,
  )
  response.on('drain', () => {
    client.drained()
  })
  response.on('close', () => {
    hub.leave(client)
  })
}
