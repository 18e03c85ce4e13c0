/** What one direction of a connection is made of: the smallest pieces that a fault acts on. */
export type Splitter = (chunk: Buffer) => readonly Buffer[]

/** Where only bytes are known, a piece is what came at once. */
export function chunkSplitter(): Splitter {
  return (chunk) => [chunk]
}

/** Kafka's requests and replies: four bytes of length, then as many bytes. Gives whole frames, with their length. */
export function frameSplitter(): Splitter {
  let rest: Buffer = Buffer.alloc(0)
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    const frames: Buffer[] = []
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const end = 4 + rest.readInt32BE(0)
      frames.push(rest.subarray(0, end))
      rest = rest.subarray(end)
    }
    return frames
  }
}

/** Which operation a request asks for, by Kafka's number: 0 Produce, 26 EndTxn. */
export function apiKeyOf(request: Buffer): number {
  return request.readInt16BE(4)
}

/** Ties a reply to its request. */
export function requestId(request: Buffer): number {
  return request.readInt32BE(8)
}

export function replyId(reply: Buffer): number {
  return reply.readInt32BE(4)
}
