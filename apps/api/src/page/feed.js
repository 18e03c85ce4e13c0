import { el, keepList, setText, shape } from './dom.js'
import { hrefOf } from './ranking.js'
import { ago, codeWords, levelWord, reasonsLine } from './words.js'

const feedMax = 60

/**
 * What went wrong lately, newest first. A device that keeps reporting the same reasons keeps one entry, which counts up:
 * a flood of equal lines would hide the one that is new.
 */
export class Feed {
  #entries = []

  add(events) {
    for (const event of events) {
      if (event.alert_level === 'normal') continue
      const key = `${event.device_id} ${event.alert_level} ${event.fault_reasons.join()}`
      const before = this.#entries.find((entry) => entry.key === key)
      this.#entries = this.#entries.filter((entry) => entry !== before)
      this.#entries.unshift({ key, event, times: (before?.times ?? 0) + 1 })
    }
    this.#entries.length = Math.min(this.#entries.length, feedMax)
  }

  show(list, empty, nowMs) {
    empty.hidden = this.#entries.length > 0
    keepList(list, this.#entries, {
      key: ({ key }) => key,
      make: ({ event }) =>
        el(
          'li',
          { class: 'event' },
          el(
            'a',
            { href: hrefOf(event.device_id) },
            shape(event.alert_level),
            el(
              'span',
              { class: 'who' },
              el('span', { class: 'visually-hidden', text: `${levelWord(event.alert_level)}: ` }),
              event.name ?? event.device_id,
            ),
            el('span', { class: 'times' }),
            el('span', { class: 'what' }),
          ),
        ),
      update: (node, { event, times }) => {
        const when = ago(event.measured_at, nowMs)
        setText(node.querySelector('.times'), times > 1 ? `${times}×, ${when}` : when)
        const what = event.fault_reasons.map(codeWords).join(', ')
        setText(
          node.querySelector('.what'),
          what === '' ? (reasonsLine(event.explanation, 1) ?? '') : what,
        )
      },
    })
  }
}
