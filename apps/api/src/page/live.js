/**
 * The live stream and how fresh it is. `on` receives each event's data by name; `state()` says what to tell the reader:
 * connecting, live, quiet (connected, but nothing was measured for a while) or stale (the stream or Redis is away).
 */
const quietAfterMs = 30_000

export function openLive(on) {
  let source
  let connected = false
  let wasConnected = false
  let storeAway = false
  let changedAt = null
  let skewMs = 0
  const names = ['fleet', 'ranking', 'devices']

  const begin = ({ data }) => {
    skewMs = Date.parse(JSON.parse(data).now) - Date.now()
    connected = true
    wasConnected = true
  }
  const open = () => {
    source = new EventSource('/api/live')
    source.addEventListener('hello', begin)
    source.addEventListener('reset', begin)
    source.addEventListener('open', () => {
      connected = true
    })
    source.addEventListener('error', () => {
      connected = false
      // Closed for good (the answer was not a stream): the browser gives up, so ask again.
      if (source.readyState === EventSource.CLOSED) setTimeout(open, 3_000)
    })
    source.addEventListener('unavailable', () => {
      storeAway = true
    })
    source.addEventListener('progress', ({ data }) => {
      storeAway = false
      changedAt = Date.parse(JSON.parse(data).at)
    })
    for (const name of names) {
      source.addEventListener(name, ({ data }) => {
        on[name](JSON.parse(data))
      })
    }
  }
  open()
  addEventListener('pagehide', () => source.close())
  addEventListener('pageshow', ({ persisted }) => {
    if (persisted) open()
  })

  return {
    /** The server's clock, epoch ms. */
    now: () => Date.now() + skewMs,
    state() {
      const ageMs = changedAt === null ? null : Math.max(0, Date.now() + skewMs - changedAt)
      if (!connected) return { state: wasConnected ? 'stale' : 'connecting', ageMs, storeAway }
      if (storeAway) return { state: 'stale', ageMs, storeAway }
      return { state: ageMs === null || ageMs > quietAfterMs ? 'quiet' : 'live', ageMs, storeAway }
    },
  }
}
