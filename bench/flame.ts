/**
 * Draws what `node --cpu-prof` wrote as a flame graph: the width of a box is the share of the processor time of a function with all it called,
 * callers below what they call. Colours tell our code, packages, Node and V8 apart. Hover over a box for its name and share.
 *
 *   npm run --silent flame -- CPU.….cpuprofile > graph.svg
 */
import { readFileSync } from 'node:fs'

interface ProfileNode {
  readonly id: number
  readonly callFrame: {
    readonly functionName: string
    readonly url: string
    readonly lineNumber: number
  }
  readonly children?: readonly number[]
}

interface Profile {
  readonly nodes: readonly ProfileNode[]
  readonly samples: readonly number[]
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[]
}

/** A function as called by these callers. */
interface Frame {
  readonly name: string
  readonly colour: string
  self: number
  total: number
  readonly callees: Map<string, Frame>
}

const width = 1_200
const rowHeight = 17
const shareMin = 0.002
const notWork = new Set(['(idle)', '(program)'])

function frameOf({ callFrame: { functionName, url, lineNumber } }: ProfileNode): Frame {
  const place = url.replace(/^.*\/(?=node_modules\/|apps\/|packages\/|bench\/)/, '')
  const name = functionName === '' ? '(anonymous)' : functionName
  const where = place === '' ? '' : ` ${place.replace('node_modules/', '')}:${lineNumber + 1}`
  return { name: `${name}${where}`, colour: colourOf(place), self: 0, total: 0, callees: new Map() }
}

function colourOf(place: string): string {
  if (place.startsWith('node_modules/')) return '#f2b36f'
  if (place.startsWith('node:')) return '#8fb8de'
  return place === '' ? '#c9c9c9' : '#e2725b'
}

/** Functions that V8 keeps apart by optimisation are one frame here. */
function treeOf({ nodes, samples, timeDeltas }: Profile): Frame {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const selfTimes = new Map<number, number>()
  for (const [at, id] of samples.entries()) {
    selfTimes.set(id, (selfTimes.get(id) ?? 0) + (timeDeltas[at] ?? 0))
  }
  const add = (node: ProfileNode, caller: Frame): void => {
    if (notWork.has(node.callFrame.functionName)) return
    const made = frameOf(node)
    const frame = caller.callees.get(made.name) ?? made
    caller.callees.set(made.name, frame)
    frame.self += selfTimes.get(node.id) ?? 0
    for (const id of node.children ?? []) {
      const callee = byId.get(id)
      if (callee !== undefined) add(callee, frame)
    }
  }
  const all = {
    name: 'all',
    colour: '#c9c9c9',
    self: 0,
    total: 0,
    callees: new Map<string, Frame>(),
  }
  for (const id of nodes[0]?.children ?? []) {
    const node = byId.get(id)
    if (node !== undefined) add(node, all)
  }
  sumUp(all)
  return all
}

function sumUp(frame: Frame): void {
  for (const callee of frame.callees.values()) sumUp(callee)
  frame.total = [...frame.callees.values()].reduce((sum, { total }) => sum + total, frame.self)
}

function depthOf(frame: Frame, least: number): number {
  const shown = [...frame.callees.values()].filter(({ total }) => total >= least)
  return 1 + Math.max(0, ...shown.map((callee) => depthOf(callee, least)))
}

const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')

function svgOf(all: Frame): string {
  const least = all.total * shareMin
  const rows = depthOf(all, least)
  const boxes: string[] = []
  const draw = (frame: Frame, left: number, row: number): void => {
    const wide = (frame.total / all.total) * width
    const top = (rows - 1 - row) * rowHeight
    const share = `${((100 * frame.total) / all.total).toFixed(1)} %`
    const shown = frame.name.slice(0, Math.floor((wide - 4) / 6.3))
    const text =
      shown.length < 3
        ? ''
        : `<text x="${(left + 2).toFixed(1)}" y="${top + 12}">${escaped(shown)}</text>`
    boxes.push(
      `<g><title>${escaped(frame.name)} ${share}</title><rect x="${left.toFixed(1)}" y="${top}" width="${wide.toFixed(1)}" height="${rowHeight - 1}" fill="${frame.colour}"/>${text}</g>`,
    )
    let at = left
    for (const callee of [...frame.callees.values()].toSorted((a, b) => b.total - a.total)) {
      if (callee.total >= least) draw(callee, at, row + 1)
      at += (callee.total / all.total) * width
    }
  }
  draw(all, 0, 0)
  const height = rows * rowHeight
  const open = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="monospace" font-size="10.5">`
  return `${open}\n<rect width="${width}" height="${height}" fill="#fff"/>\n${boxes.join('\n')}\n</svg>\n`
}

const [file] = process.argv.slice(2)
if (file === undefined) {
  process.stderr.write(
    'Say which profile: npm run --silent flame -- CPU.….cpuprofile > graph.svg\n',
  )
  process.exit(2)
}
process.stdout.write(svgOf(treeOf(JSON.parse(readFileSync(file, 'utf8')) as Profile)))
