import { readChannels, readDevice, readHistory, readMetric } from './api.js'
import { Chart } from './chart.js'
import { el, setText, shape } from './dom.js'
import { placeOf } from './ranking.js'
import {
  ago,
  channelWords,
  codeWords,
  count,
  dateTime,
  levelWord,
  number,
  percent,
  reasonsLine,
  sourceWord,
  unitWord,
} from './words.js'

const hourMs = 3_600_000
const ranges = {
  '1h': { ms: hourMs, granularity: 'raw', word: '1 h' },
  '24h': { ms: 24 * hourMs, granularity: '1min', word: '24 h' },
  '7d': { ms: 168 * hourMs, granularity: '1hour', word: '7 d' },
}
const refreshMs = 1_000
const chartRefreshMs = 5_000

/** The panel of one device: what it is, why it is ranked, a channel over time, its history. */
export class DevicePanel {
  #root
  #id
  #now
  #range
  #parts = {}
  #device = null
  #history = []
  #channels = []
  #channel = null
  #chart = null
  #aborts = new AbortController()
  #dueAt = 0
  #chartDueAt = 0
  #timer
  #historyTimer

  constructor(root, { id, now, range = '24h', onRange }) {
    this.#root = root
    this.#id = id
    this.#now = now
    this.#range = range
    this.onRange = onRange
    this.#build()
    void this.#refresh()
  }

  /** Tells the panel that its device has a newer measurement; it reads again, at most once a second. */
  changed() {
    if (this.#timer !== undefined) return
    const wait = Math.max(0, this.#dueAt - Date.now())
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#refresh()
    }, wait)
  }

  /** Ages move on although nothing was measured. */
  tick() {
    if (this.#device === null) return
    setText(this.#parts.age, ago(this.#device.last_measured_at, this.#now()))
  }

  destroy() {
    this.#aborts.abort()
    clearTimeout(this.#timer)
    clearTimeout(this.#historyTimer)
    this.#chart?.destroy()
  }

  #build() {
    const part = (name, node) => (this.#parts[name] = node)
    const range = el(
      'fieldset',
      { class: 'switch' },
      el('legend', { class: 'visually-hidden', text: 'Period' }),
    )
    for (const [value, { word }] of Object.entries(ranges)) {
      const input = el('input', { type: 'radio', name: 'range', value })
      input.checked = value === this.#range
      input.addEventListener('change', () => {
        this.#range = value
        this.onRange(value)
        void this.#drawChart()
      })
      range.append(el('label', {}, input, el('span', { text: word })))
    }
    const channel = part('channel', el('select', { 'aria-label': 'Channel' }))
    channel.addEventListener('change', () => {
      this.#channel = channel.value
      void this.#drawChart()
    })
    this.#root.replaceChildren(
      el('a', { class: 'back', href: '#/', text: '← All devices' }),
      el(
        'div',
        { class: 'device-head' },
        el(
          'div',
          {},
          part('title', el('h2', { text: this.#id })),
          part('place', el('p', { class: 'place' })),
        ),
        part('badge', el('p')),
      ),
      part('facts', el('dl', { class: 'facts' })),
      el(
        'div',
        { class: 'part' },
        el(
          'div',
          { class: 'part-head' },
          el('h3', { text: 'Why' }),
          part('score', el('p', { class: 'note' })),
        ),
        part('why', el('div')),
      ),
      el(
        'div',
        { class: 'part' },
        el('div', { class: 'part-head' }, el('h3', { text: 'Over time' }), channel, range),
        part('chart', el('div', { class: 'chart', role: 'img' })),
        part('readout', el('p', { class: 'readout' })),
      ),
      el(
        'div',
        { class: 'part' },
        el('div', { class: 'part-head' }, el('h3', { text: 'Its faults, newest first' })),
        part('history', el('ol', { class: 'history' })),
        part('historyNote', el('p', { class: 'note' })),
      ),
    )
    this.#chart = new Chart(this.#parts.chart, this.#parts.readout)
  }

  async #refresh() {
    this.#dueAt = Date.now() + refreshMs
    try {
      this.#device = await readDevice(this.#id, this.#aborts.signal)
    } catch (error) {
      if (error.name !== 'AbortError') this.#showMissing(error)
      return
    }
    this.#showDevice()
    // The history follows a second or two behind the ranking: what changed now is drawn for certain by the later time.
    this.#refreshHistoryLater()
    if (Date.now() >= this.#chartDueAt) await this.#refreshHistory()
  }

  #refreshHistoryLater() {
    this.#historyTimer ??= setTimeout(() => {
      this.#historyTimer = undefined
      void this.#refreshHistory()
    }, chartRefreshMs)
  }

  async #refreshHistory() {
    this.#chartDueAt = Date.now() + chartRefreshMs
    await this.#showHistory()
    if (this.#channels.length === 0) await this.#readChannels()
    if (this.#channels.length > 0) await this.#drawChart()
  }

  /** A device that is new has no channels in the history yet; they are asked for until they are there. */
  async #readChannels() {
    try {
      const { channels } = await readChannels(this.#id, this.#aborts.signal)
      this.#channels = channels
    } catch (error) {
      if (error.name === 'AbortError') return
      this.#chart.message(`${error.message}. The ranking above is not affected.`)
      this.#refreshHistoryLater()
      return
    }
    if (this.#channels.length > 0) {
      this.#fillChannels()
      return
    }
    this.#chart.message('No history yet; it follows within seconds.')
    this.#refreshHistoryLater()
  }

  #showMissing(error) {
    if (this.#device !== null) return
    setText(
      this.#parts.place,
      error.code === 'NOT_FOUND' ? 'No device has this id.' : error.message,
    )
  }

  #showDevice() {
    const device = this.#device
    const { title, place, badge, facts, score, why } = this.#parts
    setText(title, device.name ?? device.device_id)
    const car = device.car_number === null ? '' : ` · car ${device.car_number}`
    setText(place, `${placeOf(device)} · ${device.model}${car}`)
    badge.className = `badge level-${device.alert_level}`
    badge.replaceChildren(shape(device.alert_level), levelWord(device.alert_level))
    this.#parts.age = el('span')
    const rows = [
      ['Last measured', this.#parts.age],
      ['Fault score', number(device.fault_score)],
      ['Decayed faults', number(device.decayed_faults)],
      ['Faults', `${count(device.faults_total)} of ${count(device.events_total)}`],
    ]
    facts.replaceChildren(
      ...rows.map(([name, value]) => el('div', {}, el('dt', { text: name }), el('dd', {}, value))),
    )
    this.tick()
    setText(score, `fault score ${number(device.fault_score)}`)
    why.replaceChildren(whyTable(device.explanation))
  }

  async #showHistory() {
    const { history, historyNote } = this.#parts
    try {
      const { events } = await readHistory(this.#id, this.#aborts.signal)
      this.#history = events
      setText(historyNote, events.length === 0 ? 'None on record.' : '')
      history.replaceChildren(...runsOf(events).map(historyItem))
    } catch (error) {
      if (error.name !== 'AbortError') setText(historyNote, error.message)
    }
  }

  #fillChannels() {
    const options = this.#channels.map(({ name }) =>
      el('option', { value: name, text: channelWords(name) }),
    )
    this.#parts.channel.replaceChildren(...options)
    const names = this.#channels.map(({ name }) => name)
    // Of a device that is well again, what was wrong last.
    const isWell = this.#device.explanation.length === 0
    const explanation = isWell ? (this.#history[0]?.explanation ?? []) : this.#device.explanation
    const blamed = explanation
      .filter(({ code }) => code !== 'FAULT_CODE')
      .toSorted((one, other) => other.contribution - one.contribution)
      .flatMap(({ channel }) => channel.split(' - '))
    this.#channel = blamed.find((name) => names.includes(name)) ?? names[0] ?? null
    if (this.#channel !== null) this.#parts.channel.value = this.#channel
  }

  async #drawChart() {
    this.#chartDueAt = Date.now() + chartRefreshMs
    const channel = this.#channel
    const range = this.#range
    const { ms, granularity } = ranges[range]
    const endMs = Date.parse(this.#device.last_measured_at) + 1
    const startMs = endMs - ms
    const query = { metric_name: channel, granularity, start_time: startMs, end_time: endMs }
    try {
      const { data } = await readMetric(this.#id, query, this.#aborts.signal)
      // The reader may have chosen another channel or period meanwhile.
      if (channel !== this.#channel || range !== this.#range) return
      const unit = unitWord(this.#channels.find(({ name }) => name === channel)?.unit ?? '')
      this.#parts.chart.setAttribute(
        'aria-label',
        `${channelWords(channel)}, last ${ranges[range].word}`,
      )
      if (data.length === 0) {
        this.#chart.message(`No ${channelWords(channel)} in this period.`)
        // Roll-ups come some seconds after their measurements.
        this.#refreshHistoryLater()
      } else
        this.#chart.show({ points: data, limits: this.#limitsOf(channel), unit, startMs, endMs })
    } catch (error) {
      if (error.name !== 'AbortError') this.#chart.message(error.message)
    }
  }

  /** The limits of this channel that the device has crossed, now or in the faults shown. */
  #limitsOf(channel) {
    const entries = [this.#device, ...this.#history].flatMap(({ explanation }) => explanation)
    const limits = new Map()
    for (const entry of entries) {
      const isLimit = entry.source === 'rule' && entry.code !== 'FAULT_CODE'
      if (!isLimit || entry.channel !== channel || entry.code.includes('START')) continue
      const side = entry.value > entry.limit ? 'over' : 'under'
      limits.set(`${side} ${entry.limit}`, { value: entry.limit, side })
    }
    return [...limits.values()]
  }
}

function whyTable(explanation) {
  if (explanation.length === 0) {
    return el('p', { class: 'note', text: 'Nothing is wrong in its newest measurement.' })
  }
  const heads = ['Reason', 'Channel', 'Value', 'Limit', 'Contribution']
  return el(
    'div',
    { class: 'scroll' },
    el(
      'table',
      { class: 'why' },
      el(
        'thead',
        {},
        el(
          'tr',
          {},
          ...heads.map((text, index) =>
            el('th', { scope: 'col', text, class: index > 1 ? 'number' : null }),
          ),
        ),
      ),
      el('tbody', {}, ...explanation.map(whyRow)),
    ),
  )
}

function whyRow({ source, code, channel, value, limit, contribution }) {
  const label = (name) => ({ class: 'number', 'data-label': name })
  const name = el('td', {}, el('b', { text: codeWords(code) }))
  if (code === 'FAULT_CODE') {
    name.append(
      el('small', { text: 'Reported by the device itself; makes it critical at any score' }),
    )
    const own = el('td', { ...label('value'), text: number(value) })
    return el('tr', {}, name, el('td', { text: channelWords(channel) }), own, el('td'), el('td'))
  }
  name.append(el('small', { text: `${sourceWord(source)} ${code}` }))
  const bar = el('i')
  bar.style.width = `${Math.min(100, 100 * contribution)}%`
  return el(
    'tr',
    {},
    name,
    el('td', { text: channelWords(channel) }),
    el('td', {
      ...label('value'),
      text: code === 'ANOMALY' ? `z ${number(value)}` : number(value),
    }),
    el('td', { ...label('limit'), text: number(limit) }),
    el(
      'td',
      label('share'),
      percent(contribution),
      el('span', { class: 'share', 'aria-hidden': 'true' }, bar),
    ),
  )
}

const reasonsOf = (event) => `${event.alert_level} ${event.fault_reasons.join()}`

/** Events one after another with the same level and reasons, as one: `newest` and how many. */
function runsOf(events) {
  const runs = []
  for (const event of events) {
    const last = runs.at(-1)
    if (last !== undefined && reasonsOf(last.newest) === reasonsOf(event)) {
      last.times += 1
      last.oldest = event
    } else runs.push({ newest: event, oldest: event, times: 1 })
  }
  return runs
}

function historyItem({ newest, oldest, times }) {
  const since = times === 1 ? '' : `${times}× since ${dateTime(oldest.measured_at)}. `
  return el(
    'li',
    { class: 'event' },
    el(
      'div',
      {},
      shape(newest.alert_level),
      el('span', {
        class: 'who',
        text: newest.fault_reasons.map(codeWords).join(', ') || levelWord(newest.alert_level),
      }),
      el('time', { datetime: newest.measured_at, text: dateTime(newest.measured_at) }),
      el('span', { class: 'what', text: `${since}${reasonsLine(newest.explanation, 3) ?? ''}` }),
    ),
  )
}
