import { createWriteStream } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { PassThrough, Transform, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
} from 'node:zlib'
import { systemCode } from '@faultline/runtime/errors'
import { exception, RequestRefused } from './exception.ts'

const decoders: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
}

const tooManyBytes = 307
const notImplemented = 48
const cannotDecompress = 354

/** @throws RequestRefused */
export async function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  const collect = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk)
      done()
    },
  })
  await flow(request, bytesMax, collect)
  return Buffer.concat(chunks)
}

/** Writes the body to a new file and returns its length. @throws RequestRefused */
export async function saveBody(
  request: IncomingMessage,
  path: string,
  bytesMax: number,
): Promise<number> {
  const file = createWriteStream(path, { flags: 'wx' })
  await flow(request, bytesMax, file)
  return file.bytesWritten
}

/** Passes on the body as the client meant it: decompressed, and refused once it is longer than `bytesMax`. */
async function flow(request: IncomingMessage, bytesMax: number, sink: Writable): Promise<void> {
  const encoding = request.headers['content-encoding'] ?? 'identity'
  const decoder = encoding === 'identity' ? () => new PassThrough() : decoders[encoding]
  if (decoder === undefined) {
    throw refusal(
      notImplemented,
      `Content-Encoding ${encoding} is not supported`,
      'NOT_IMPLEMENTED',
    )
  }
  try {
    await pipeline(request, decoder(), bounded(bytesMax), sink)
  } catch (error) {
    const code = systemCode(error)
    if (code === undefined || !/^(Z_|ZSTD_|ERR_BROTLI|ERR__ERROR_FORMAT)/.test(code)) throw error
    throw refusal(cannotDecompress, 'The body cannot be decompressed', 'CANNOT_DECOMPRESS')
  }
}

function bounded(bytesMax: number): Transform {
  let seen = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seen += chunk.length
      if (seen <= bytesMax) done(null, chunk)
      else
        done(refusal(tooManyBytes, `The body is longer than ${bytesMax} bytes`, 'TOO_MANY_BYTES'))
    },
  })
}

function refusal(code: number, message: string, name: string): RequestRefused {
  return new RequestRefused(exception(code, message, name))
}
