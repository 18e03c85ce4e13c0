/** Small building blocks for the page's elements. Text is always set as text, never as HTML. */

const svgNamespace = 'http://www.w3.org/2000/svg'

/** An element with properties (`class`, `text`, attributes) and children; null children are left out. */
export function el(name, properties = {}, ...children) {
  const node = document.createElement(name)
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue
    if (key === 'text') node.textContent = value
    else node.setAttribute(key, value)
  }
  node.append(...children.filter((child) => child !== null && child !== undefined))
  return node
}

/** Sets text only where it differs, so that nothing is repainted or read aloud again. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text
}

const shapes = {
  normal: { d: 'M7 2.5a4.5 4.5 0 1 1 0 9a4.5 4.5 0 1 1 0 -9z', filled: false },
  warning: { d: 'M7 1.4l6.2 11.2h-12.4z', filled: true },
  critical: { d: 'M4.2 0.6h5.6l3.6 3.6v5.6l-3.6 3.6h-5.6l-3.6 -3.6v-5.6z', filled: true },
}

/** The mark of an alert level: ring, triangle, octagon. Each differs in shape, so colour is never needed to tell them apart. */
export function shape(level) {
  const { d, filled } = shapes[level] ?? shapes.normal
  const svg = document.createElementNS(svgNamespace, 'svg')
  svg.setAttribute('viewBox', '0 0 14 14')
  svg.setAttribute('class', `shape level-${level}`)
  svg.setAttribute('aria-hidden', 'true')
  const path = document.createElementNS(svgNamespace, 'path')
  path.setAttribute('d', d)
  path.setAttribute('fill', filled ? 'currentColor' : 'none')
  if (!filled) {
    path.setAttribute('stroke', 'currentColor')
    path.setAttribute('stroke-width', '1.6')
  }
  svg.append(path)
  return svg
}

/**
 * Brings a list's children to the given items by key: reuses, reorders, removes. A focused child keeps its focus.
 * `make(item)` builds a child, `update(node, item)` fills it.
 */
export function keepList(list, items, { key, make, update }) {
  const focused = list.contains(document.activeElement) ? document.activeElement : null
  const present = new Map([...list.children].map((node) => [node.dataset.key, node]))
  let previous = null
  for (const item of items) {
    const name = key(item)
    let node = present.get(name)
    if (node === undefined) {
      node = make(item)
      node.dataset.key = name
    }
    present.delete(name)
    update(node, item)
    const next = previous === null ? list.firstElementChild : previous.nextElementSibling
    if (next !== node) list.insertBefore(node, next)
    previous = node
  }
  for (const node of present.values()) node.remove()
  if (focused !== null && focused.isConnected && document.activeElement !== focused) {
    focused.focus({ preventScroll: true })
  }
}
