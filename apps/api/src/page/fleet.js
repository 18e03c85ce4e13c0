import { el, keepList, setText, shape } from './dom.js'
import { count, levelWord } from './words.js'

const levels = ['critical', 'warning', 'normal']

/** One row a type: how many devices stand at each alert level, as numbers and as a proportion. */
export function showFleet(root, types) {
  keepList(root, types, { key: ({ type }) => type, make, update })
}

function make({ type }) {
  const parts = levels.map((level) => el('i', { class: level }))
  const counts = levels.map((level) =>
    el(
      'span',
      { class: `level level-${level}` },
      shape(level),
      el('b'),
      el('span', { class: 'word', text: levelWord(level).toLowerCase() }),
    ),
  )
  return el(
    'div',
    { class: 'fleet-type' },
    el('p', { class: 'fleet-name' }, el('b', { text: type }), el('span')),
    el('div', { class: 'proportions', 'aria-hidden': 'true' }, ...parts),
    el('p', { class: 'levels' }, ...counts),
  )
}

function update(node, { devices, devices_by_alert_level: byLevel, faults, events }) {
  setText(node.querySelector('.fleet-name span'), `${count(devices)} devices`)
  node.title = `${count(events)} measurements, ${count(faults)} with a fault`
  for (const level of levels) {
    const n = byLevel[level]
    const part = node.querySelector(`.proportions .${level}`)
    part.hidden = n === 0
    part.style.width = `${devices === 0 ? 0 : (100 * n) / devices}%`
    const label = node.querySelector(`.levels .level-${level}`)
    setText(label.querySelector('b'), count(n))
    label.classList.toggle('none', n === 0)
  }
}
