/**
 * What a look-up costs without an API: node:http and ioredis, HGETALL of the key named by the path, JSON.stringify of the hash as it
 * is, two headers. No validation, no as_of, no ETag, no metrics.
 */
import { createServer } from 'node:http'
import { Redis } from 'ioredis'

const [redisUrl = '', port = ''] = process.argv.slice(2)
const redis = new Redis(redisUrl)

createServer((request, response) => {
  void redis.hgetall((request.url ?? '').slice(1)).then((hash) => {
    const body = JSON.stringify(hash)
    response.writeHead(200, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
    })
    response.end(body)
  })
}).listen(Number(port), '127.0.0.1')
