import { readRanking } from './api.js'
import { DevicePanel } from './device.js'
import { el, setText } from './dom.js'
import { Feed } from './feed.js'
import { showFleet } from './fleet.js'
import { openLive } from './live.js'
import { hrefOf, showRanking } from './ranking.js'
import { span } from './words.js'

const byId = (id) => document.getElementById(id)
const windowHints = {
  live: 'By recent faults; an old fault counts less with every hour',
  '1h': 'By the sum of fault scores in the last hour',
  '24h': 'By the sum of fault scores in the last 24 hours',
}
const windowPollMs = 5_000
const roomForBoth = matchMedia('(min-width: 901px)')

const state = {
  type: 'all',
  window: 'live',
  /** Newest live ranking of each type, and the one on show. */
  live: new Map(),
  shown: null,
  selected: null,
  worst: null,
  chartRange: '24h',
  isOpened: false,
}
const feed = new Feed()
let panel = null

const live = openLive({
  fleet({ types }) {
    showFleet(byId('fleet'), types)
    offerTypes(types.map(({ type }) => type))
  },
  ranking(ranking) {
    state.live.set(ranking.type, ranking)
    if (state.window === 'live' && ranking.type === state.type) show(ranking)
    if (ranking.type === 'all') announceWorst(ranking)
  },
  devices({ devices }) {
    feed.add(devices)
    showFeed()
    if (devices.some((device) => device.device_id === state.selected)) panel?.changed()
  },
})

/** Where there is room for it, the page opens with the worst device in view instead of an empty panel. */
function openWorst([worst]) {
  state.isOpened = true
  if (worst === undefined || location.hash !== '' || !roomForBoth.matches) return
  history.replaceState(null, '', hrefOf(worst.device_id))
  followAddress(true)
}

function show(ranking) {
  state.shown = ranking
  if (!state.isOpened) openWorst(ranking.devices)
  showRanking(byId('ranking'), {
    devices: ranking.devices,
    selected: state.selected,
    nowMs: live.now(),
  })
  byId('ranking-empty').hidden = ranking.devices.length > 0
  setText(byId('ranking-empty'), 'No faults in this period.')
}

const showFeed = () => feed.show(byId('feed'), byId('feed-empty'), live.now())

/** Where only one type exists there is nothing to choose. */
function offerTypes(types) {
  const select = byId('type')
  const values = ['all', ...types]
  if ([...select.options].map(({ value }) => value).join() === values.join()) return
  select.replaceChildren(
    ...values.map((value) => el('option', { value, text: value === 'all' ? 'All types' : value })),
  )
  select.value = values.includes(state.type) ? state.type : 'all'
  select.closest('label').hidden = types.length < 2
}

/** Said aloud only when another device becomes the worst; every change would be noise. */
function announceWorst({ devices: [worst] }) {
  if (worst === undefined || worst.device_id === state.worst) return
  if (state.worst !== null) {
    setText(byId('announcer'), `${worst.name ?? worst.device_id} is now the worst device`)
  }
  state.worst = worst.device_id
}

async function readShown() {
  const question = { type: state.type, window: state.window }
  try {
    const ranking = await readRanking(question)
    if (question.type === state.type && question.window === state.window) show(ranking)
  } catch {
    // The banner says that the store is away; the list keeps what it has.
  }
}

function choose(change) {
  Object.assign(state, change)
  setText(byId('ranking-hint'), windowHints[state.window])
  const known = state.window === 'live' ? state.live.get(state.type) : undefined
  if (known === undefined) void readShown()
  else show(known)
}

byId('window').addEventListener('change', ({ target }) => choose({ window: target.value }))
byId('type').addEventListener('change', ({ target }) => choose({ type: target.value }))
setInterval(() => {
  if (state.window !== 'live' && !document.hidden) void readShown()
}, windowPollMs)

byId('ranking').addEventListener('keydown', (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
  if (step === undefined) return
  const links = [...byId('ranking').querySelectorAll('a')]
  const next = links[links.indexOf(document.activeElement) + step]
  if (next === undefined) return
  event.preventDefault()
  next.focus()
})

/** The address says which device is open, so that back, forward and a sent link work. */
function followAddress(isFirst = false) {
  const match = /^#\/device\/(.+)$/.exec(location.hash)
  const id = match === null ? null : decodeId(match[1])
  document.body.dataset.view = id === null ? 'list' : 'device'
  if (id === state.selected) return
  state.selected = id
  panel?.destroy()
  panel = null
  const root = byId('device')
  if (id === null) {
    root.replaceChildren(
      el('p', { class: 'empty', text: 'Choose a device to see why it is where it is.' }),
    )
  } else {
    panel = new DevicePanel(root, {
      id,
      now: live.now,
      range: state.chartRange,
      onRange: (range) => {
        state.chartRange = range
      },
    })
    if (root.getBoundingClientRect().top < 0) root.scrollIntoView()
    if (!isFirst) root.focus({ preventScroll: true })
  }
  if (state.shown !== null) show(state.shown)
}

function decodeId(text) {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
addEventListener('hashchange', () => followAddress())

function showFreshness() {
  const { state: now, ageMs, storeAway } = live.state()
  const words = {
    connecting: 'Connecting',
    live: `As of ${span(ageMs ?? 0)} ago`,
    quiet: ageMs === null ? 'Nothing measured yet' : `Nothing measured for ${span(ageMs)}`,
    stale: ageMs === null ? 'Stale' : `Stale: as of ${span(ageMs)} ago`,
  }
  byId('freshness').dataset.state = now
  setText(byId('freshness-text'), words[now])
  const banner = byId('banner')
  banner.hidden = now !== 'stale'
  if (now === 'stale') {
    setText(
      banner,
      storeAway
        ? 'Redis does not answer. What you see is old and does not change; it goes on by itself.'
        : 'The connection is lost. What you see is old and does not change; trying again.',
    )
  }
}
setInterval(showFreshness, 200)
setInterval(() => {
  panel?.tick()
  if (document.hidden) return
  if (state.shown !== null) show(state.shown)
  showFeed()
}, 5_000)

choose({})
followAddress(true)
