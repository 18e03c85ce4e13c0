import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { FaultlineError } from '@faultline/runtime/errors'

/**
 * The bytes of a body, unpacked where it is gzip. Where the reader stops early the rest is received and dropped, so that the answer reaches a
 * caller who is still sending.
 * @throws FaultlineError MEDIA_TYPE_UNSUPPORTED (another encoding), ARGUMENT_INVALID (no gzip, or the caller went away)
 */
export async function* bodyChunks(request: IncomingMessage): AsyncGenerator<Buffer> {
  const { source, end } = open(request)
  try {
    for await (const chunk of source.iterator({ destroyOnReturn: false })) yield chunk as Buffer
  } catch (error) {
    throw new FaultlineError('ARGUMENT_INVALID', 'The body is damaged, or ends too early.', {
      cause: error,
    })
  } finally {
    end()
    request.resume()
  }
}

function open(request: IncomingMessage): { readonly source: Readable; readonly end: () => void } {
  const encoding = request.headers['content-encoding'] ?? 'identity'
  if (encoding === 'identity') return { source: request, end: () => undefined }
  if (encoding !== 'gzip') {
    throw new FaultlineError('MEDIA_TYPE_UNSUPPORTED', 'The body has to be plain or gzip.')
  }
  const gunzip = createGunzip()
  const onClose = () => {
    if (!request.complete) gunzip.destroy(new Error('the caller went away'))
  }
  request.on('close', onClose)
  request.pipe(gunzip)
  return {
    source: gunzip,
    end: () => {
      request.off('close', onClose)
      request.unpipe(gunzip)
      gunzip.destroy()
    },
  }
}
