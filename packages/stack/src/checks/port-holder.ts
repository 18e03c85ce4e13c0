import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

export interface PortHolder {
  readonly pid: number
  readonly name: string
}

const listening = '0A'

/** Inodes of the sockets that listen on a TCP port, out of the text of /proc/net/tcp or tcp6. */
export function listeningInodes(table: string, port: number): string[] {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0')
  return table.split('\n').flatMap((line) => {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/)
    const isListener = state === listening && local?.endsWith(`:${hexPort}`) === true
    return isListener && inode !== undefined ? [inode] : []
  })
}

/** Who listens on a port, where /proc tells: on Linux, and for processes this user may look into. */
export function findPortHolder(port: number): PortHolder | undefined {
  const tables = ['/proc/net/tcp', '/proc/net/tcp6'].map((path) => read(path) ?? '')
  const sockets = new Set(
    tables.flatMap((table) => listeningInodes(table, port)).map((inode) => `socket:[${inode}]`),
  )
  if (sockets.size === 0) return undefined
  for (const entry of list('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const folder = `/proc/${entry}/fd`
    if (list(folder).some((descriptor) => sockets.has(link(`${folder}/${descriptor}`) ?? ''))) {
      return { pid: Number(entry), name: read(`/proc/${entry}/comm`)?.trim() ?? 'unknown' }
    }
  }
  return undefined
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    // Another user's process, or one that just ended.
    return []
  }
}

function link(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}
