import { subscribe } from 'node:diagnostics_channel'
import type { ClientRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import { failpoint, failpointsOn } from './index.ts'

/**
 * Failpoints between a request and its reply, where no client library calls us: the moment its last byte was handed to the
 * system. Watched only in processes with failpoints; nothing is changed on the way.
 */

const produceKey = 0
const endTransactionKey = 26

interface KafkaTarget {
  readonly host: string
  readonly port: number
  readonly onConnect: () => void
}

/** For kafkajs: a plain connection as its own, that passes the failpoints of what a transaction sends. */
export function watchedKafkaSocket({ host, port, onConnect }: KafkaTarget): Socket {
  const socket = connect({ host, port }, onConnect)
  socket.setKeepAlive(true, 60_000)
  const write = socket.write.bind(socket) as (data: Buffer, encoding: 'binary') => boolean
  // kafkajs writes each request at once, as one buffer: a length of four bytes, then the key of the request.
  socket.write = ((data: Buffer, encoding: 'binary') => {
    const more = write(data, encoding)
    const key = data.readInt16BE(4)
    if (key === produceKey) failpoint('transaction.send-unanswered')
    if (key === endTransactionKey) failpoint('transaction.end-unanswered')
    return more
  }) as typeof socket.write
  return socket
}

const insertOfMeasurements = /[?&]query=INSERT(\+|%20)INTO(\+|%20)app\.enriched_measurements\b/

let isWatching = false

/** For the ClickHouse client, which speaks HTTP with the statement in the address when rows are in the body. */
export function watchInserts(): void {
  if (!failpointsOn || isWatching) return
  isWatching = true
  subscribe('http.client.request.start', (message) => {
    const { request } = message as { readonly request: ClientRequest }
    if (!insertOfMeasurements.test(request.path)) return
    request.once('finish', () => {
      failpoint('sink.insert-unanswered')
    })
  })
}
