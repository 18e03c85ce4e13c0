/**
 * The Node option that makes a process connect to other ports of loopback than it means to, `from` the one `to` the other: the
 * ports of proxies. To be given as FAULTLINE_NODE_OPTIONS to `faultline up`, or as NODE_OPTIONS to a single process. The proxies
 * have to listen before the process starts.
 */
export function redirectOption(ports: ReadonlyMap<number, number>): string {
  const url = new URL('redirect.mjs', import.meta.url)
  for (const [from, to] of ports) url.searchParams.set(String(from), String(to))
  return `--import=${url.href}`
}
