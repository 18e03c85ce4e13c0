import { mkdir, open, rename, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeFrame, frameBytes } from '@faultline/core/frame'
import type { Measurement } from '@faultline/ingest/measurements'
import type { Clock } from '@faultline/runtime/clock'
import type { Destination } from '../destination.ts'

interface FramesOptions {
  /** Made if it is missing. */
  readonly folder: string
  /** What the files' names begin with; keeps two loads into one folder apart. */
  readonly prefix: string
  readonly clock: Clock
}

/** A file is finished with so many records, and after this time even with fewer. */
const fileRecordsMax = 10_000
const fileAgeMaxMs = 1_000

interface OpenFile {
  readonly handle: FileHandle
  readonly path: string
  readonly openedMs: number
  records: number
}

/** Frame files in a folder. A file is written beside its name and renamed when it is finished: who watches the folder sees it whole. */
export function framesDestination({ folder, prefix, clock }: FramesOptions): Destination {
  let file: OpenFile | undefined
  let files = 0
  const begin = async (): Promise<OpenFile> => {
    await mkdir(folder, { recursive: true })
    const path = join(folder, `${prefix}-${String(files).padStart(6, '0')}.frames`)
    files += 1
    return { handle: await open(`${path}.part`, 'wx'), path, openedMs: clock.now(), records: 0 }
  }
  const finish = async () => {
    if (file === undefined) return
    const { handle, path } = file
    file = undefined
    await handle.close()
    await rename(`${path}.part`, path)
  }
  return {
    defects: ['clock', 'device-id'],
    write: async (rows) => {
      file ??= await begin()
      await file.handle.appendFile(encodeFrames(rows))
      file.records += rows.length
      if (file.records >= fileRecordsMax) await finish()
    },
    flush: async () => {
      if (file !== undefined && clock.now() - file.openedMs >= fileAgeMaxMs) await finish()
    },
    close: finish,
  }
}

function encodeFrames(rows: readonly Measurement[]): Buffer {
  const bytes = Buffer.allocUnsafe(rows.length * frameBytes)
  rows.forEach(({ deviceId, measuredAtMs, readings, carNumber }, index) => {
    const frame = { deviceId, measuredAtMs, readings, carNumber: carNumber ?? 0 }
    bytes.set(encodeFrame(frame), index * frameBytes)
  })
  return bytes
}
