import { closeSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { LogFile } from './log-file.ts'

/** The supervisor's own log: what it did to which process and when. In the background its output goes there too. */
function supervisorLog(logFolder: string): LogFile {
  return new LogFile(join(logFolder, 'supervisor.log'), { maxBytes: 5 * 1024 * 1024, keep: 1 })
}

/** A descriptor for the output of a supervisor in the background; the caller closes it. */
export function openSupervisorLog(logFolder: string): number {
  return supervisorLog(logFolder).open()
}

/** Appends one line with the time. A log that cannot be written (a full disk) must not stop the supervisor. */
export function noteInSupervisorLog(logFolder: string, text: string): void {
  const log = supervisorLog(logFolder)
  try {
    log.rotateIfLarge()
    const descriptor = log.open()
    try {
      writeSync(descriptor, `${new Date().toISOString()} ${text}\n`)
    } finally {
      closeSync(descriptor)
    }
  } catch {
    // There is nowhere else to complain: warnings end up in this log too.
  }
}
