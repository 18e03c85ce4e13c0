/**
 * Sends the connections of a Node process elsewhere, without a change of its code: loaded with `--import`, its address says
 * which, `redirect.mjs?7402=20502&7407=20507` (see redirect-options.ts). Only loopback; everything that opens a TCP connection
 * in Node comes through here: kafkajs, ioredis, node:http, fetch and pg.
 */
import { Socket } from 'node:net'

const ports = new Map(
  [...new URL(import.meta.url).searchParams].map(([from, to]) => [Number(from), Number(to)]),
)
const loopback = [undefined, 'localhost', '127.0.0.1']
const connect = Socket.prototype.connect

Socket.prototype.connect = function (...args) {
  return connect.apply(this, redirected(args))
}

/** Three forms: (options, …), (port, host?, …), and the array that net.connect makes of either before it comes here. */
function redirected([first, second, ...rest]) {
  if (Array.isArray(first)) {
    const [options] = redirected([first[0]])
    // The array itself is marked as made by Node and is kept.
    first[0] = options
    return [first, second, ...rest]
  }
  if (typeof first === 'object' && first !== null) {
    const port = ports.get(Number(first.port))
    const isOurs = port !== undefined && loopback.includes(first.host)
    return [isOurs ? { ...first, port } : first, second, ...rest]
  }
  const port = ports.get(Number(first))
  const isOurs = port !== undefined && (typeof second !== 'string' || loopback.includes(second))
  return [isOurs ? port : first, second, ...rest]
}
