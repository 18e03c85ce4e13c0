import { el, keepList, setText, shape } from './dom.js'
import { ago, codeWords, levelWord, number, reasonsLine } from './words.js'

export const hrefOf = (deviceId) => `#/device/${encodeURIComponent(deviceId)}`

/** The list of the worst devices. `selected` is the id that the panel shows. */
export function showRanking(list, { devices, selected, nowMs }) {
  const largest = Math.max(...devices.map((device) => device.decayed_faults), Number.MIN_VALUE)
  keepList(list, devices, {
    key: (device) => device.device_id,
    make,
    update: (node, device) => update(node, device, { largest, selected, nowMs }),
  })
}

function make({ device_id }) {
  return el(
    'li',
    { class: 'ranked' },
    el(
      'a',
      { href: hrefOf(device_id) },
      el('span', { class: 'rank' }),
      el('span', { class: 'title' }, el('span', { class: 'mark' }), el('span', { class: 'name' })),
      el('span', { class: 'sum' }),
      el('span', { class: 'place' }),
      el('span', { class: 'age' }),
      el('span', { class: 'reasons' }),
      el('span', { class: 'track', 'aria-hidden': 'true' }, el('i')),
    ),
  )
}

function update(node, device, { largest, selected, nowMs }) {
  const part = (name) => node.querySelector(`.${name}`)
  if (node.dataset.level !== device.alert_level) {
    node.dataset.level = device.alert_level
    part('mark').replaceChildren(
      shape(device.alert_level),
      el('span', { class: 'visually-hidden', text: `${levelWord(device.alert_level)}: ` }),
    )
  }
  setText(part('rank'), String(device.rank))
  setText(part('name'), device.name ?? device.device_id)
  setText(part('sum'), number(device.decayed_faults))
  setText(part('place'), placeOf(device))
  setText(part('age'), ago(device.last_measured_at, nowMs))
  const line = reasonsLine(device.explanation) ?? device.fault_reasons.map(codeWords).join(' · ')
  part('reasons').classList.toggle('past', line === '')
  setText(part('reasons'), line === '' ? 'Back to normal' : line)
  part('track').firstElementChild.style.width = `${(100 * device.decayed_faults) / largest}%`
  const link = node.firstElementChild
  if (device.device_id === selected) link.setAttribute('aria-current', 'true')
  else link.removeAttribute('aria-current')
}

/** Where a device is, with its id where the name is not the id already. */
export function placeOf({ device_id, name, line, location }) {
  return [name === null ? null : device_id, line, location]
    .filter((part) => part !== null)
    .join(' · ')
}
