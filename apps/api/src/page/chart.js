import uPlot from '/vendor/uPlot.esm.js'
import { number } from './words.js'

const height = 260

/** A channel over time: its average, the band from its smallest to its largest value, and the limits that were crossed. */
export class Chart {
  #root
  #readout
  #plot = null
  #limits = []
  #unit = ''
  #resize

  constructor(root, readout) {
    this.#root = root
    this.#readout = readout
    this.#resize = new ResizeObserver(() => {
      this.#plot?.setSize({ width: root.clientWidth, height })
    })
    this.#resize.observe(root)
  }

  /** `points` as the API gives them; `limits` [{value, side: 'over' | 'under', code}]; times in epoch ms. */
  show({ points, limits, unit, startMs, endMs }) {
    this.#limits = limits
    this.#unit = unit
    const data = [
      points.map(({ timestamp }) => Date.parse(timestamp) / 1_000),
      points.map(({ min }) => min),
      points.map(({ max }) => max),
      points.map(({ value }) => value),
    ]
    this.#plot?.destroy()
    this.#root.replaceChildren()
    const options = this.#options({ startMs, endMs, few: points.length < 60 })
    this.#plot = new uPlot(options, data, this.#root)
    this.#tell(null)
  }

  message(text) {
    this.#plot?.destroy()
    this.#plot = null
    const note = document.createElement('p')
    note.className = 'message'
    note.textContent = text
    this.#root.replaceChildren(note)
    this.#readout.textContent = ''
  }

  destroy() {
    this.#resize.disconnect()
    this.#plot?.destroy()
  }

  #options({ startMs, endMs, few }) {
    const styles = getComputedStyle(this.#root)
    const colour = (name) => styles.getPropertyValue(`--${name}`).trim()
    const axis = {
      stroke: colour('muted'),
      grid: { stroke: colour('line'), width: 1 },
      ticks: { stroke: colour('line'), width: 1, size: 4 },
      font: '12px system-ui, sans-serif',
    }
    const trace = colour('trace')
    const edge = { stroke: 'transparent', points: { show: false } }
    return {
      width: this.#root.clientWidth,
      height,
      padding: [10, 8, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
      scales: {
        x: { range: () => [startMs / 1_000, endMs / 1_000] },
        y: { range: (_plot, low, high) => this.#range(low, high) },
      },
      axes: [
        { ...axis, size: 34, space: 70, values: (_plot, splits) => timeMarks(splits) },
        { ...axis, size: 52, space: 36, values: (_plot, values) => values.map((v) => number(v)) },
      ],
      series: [
        {},
        edge,
        edge,
        { stroke: trace, width: 1.6, points: { show: few, size: 4, fill: trace, stroke: trace } },
      ],
      bands: [{ series: [2, 1], fill: colour('band') }],
      hooks: {
        drawClear: [(plot) => this.#drawLimits(plot, colour)],
        setCursor: [(plot) => this.#tell(plot.cursor.idx)],
      },
    }
  }

  /** Holds the data and, where they are not far off, the limits. */
  #range(low, high) {
    if (low === null || high === null) return [0, 1]
    const reach = Math.max(high - low, Math.abs(high) * 0.05, 1e-6)
    const near = this.#limits
      .map(({ value }) => value)
      .filter((value) => value > low - 1.5 * reach && value < high + 1.5 * reach)
    const bottom = Math.min(low, ...near)
    const top = Math.max(high, ...near)
    const margin = 0.08 * Math.max(top - bottom, reach)
    return [bottom - margin, top + margin]
  }

  #drawLimits(plot, colour) {
    const { ctx, bbox } = plot
    ctx.save()
    ctx.beginPath()
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height)
    ctx.clip()
    for (const { value, side } of this.#limits) {
      const y = plot.valToPos(value, 'y', true)
      const edge = side === 'over' ? bbox.top : bbox.top + bbox.height
      ctx.fillStyle = colour('warning-soft')
      ctx.fillRect(bbox.left, Math.min(y, edge), bbox.width, Math.abs(edge - y))
      ctx.strokeStyle = colour('warning-fill')
      ctx.lineWidth = devicePixelRatio
      ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio])
      ctx.beginPath()
      ctx.moveTo(bbox.left, y)
      ctx.lineTo(bbox.left + bbox.width, y)
      ctx.stroke()
      ctx.fillStyle = colour('warning')
      ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`
      ctx.textAlign = 'left'
      ctx.textBaseline = side === 'over' ? 'bottom' : 'top'
      const gap = (side === 'over' ? -4 : 4) * devicePixelRatio
      ctx.fillText(`limit ${number(value)}`, bbox.left + 6 * devicePixelRatio, y + gap)
    }
    ctx.restore()
  }

  #tell(index) {
    const [times, lows, highs, values] = this.#plot?.data ?? [[]]
    const at = index ?? times.length - 1
    if (times[at] === undefined) return
    const time = new Date(times[at] * 1_000).toLocaleString('en-GB', {
      dateStyle: 'medium',
      timeStyle: 'medium',
    })
    const spread = lows[at] === highs[at] ? '' : ` (${number(lows[at])} to ${number(highs[at])})`
    const limits = this.#limits.map(({ side, value }) => `${side} ${number(value)}`).join(', ')
    this.#readout.textContent =
      `${time}: ${number(values[at])} ${this.#unit}${spread}` +
      (limits === '' ? '' : ` · faults ${limits}`)
  }
}

const dayFormat = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' })
const timeFormat = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })

/** Times of day, and at midnight the date. */
function timeMarks(splits) {
  return splits.map((seconds) => {
    const date = new Date(seconds * 1_000)
    return date.getHours() === 0 && date.getMinutes() === 0
      ? dayFormat.format(date)
      : timeFormat.format(date)
  })
}
