/** Topics to subscribe to, and where in them the device stands. */
export interface TopicTemplate {
  /** As a broker takes it. */
  readonly filter: string
  /**
   * The device that a topic names: undefined where the template has no place for one, null where the topic is none of the
   * template's, as those of an earlier subscription are that the broker still keeps.
   */
  deviceOf(topic: string): string | null | undefined
}

const place = '{device_id}'
const isPlain = /^[^+#{}\p{Cc}]*$/u

/**
 * Reads a topic filter in which at most one level is `{device_id}`; `+` and a last `#` mean what they mean in MQTT. Returns what
 * is wrong with it where it is none.
 */
export function parseTopicTemplate(text: string): TopicTemplate | string {
  if (text === '') return 'a topic is expected'
  if (text.startsWith('$'))
    return 'topics that begin with $ are the broker’s own, and shared subscriptions are not supported'
  const levels = text.split('/')
  const bad = levels.find((level, index) => !isLevel(level, index === levels.length - 1))
  if (bad !== undefined) return `the level "${bad}" is neither text nor +, ${place} or a last #`
  const at = levels.indexOf(place)
  if (at !== levels.lastIndexOf(place)) return `${place} stands there twice`
  const filter = levels.map((level) => (level === place ? '+' : level)).join('/')
  return {
    filter,
    deviceOf: (topic) => {
      if (at === -1) return undefined
      const given = topic.split('/')
      return fits(levels, given) ? given[at] : null
    },
  }
}

function isLevel(level: string, isLast: boolean): boolean {
  return isPlain.test(level) || level === '+' || level === place || (level === '#' && isLast)
}

function fits(levels: readonly string[], given: readonly string[]): boolean {
  const hasRest = levels.at(-1) === '#'
  const fixed = hasRest ? levels.slice(0, -1) : levels
  if (hasRest ? given.length < fixed.length : given.length !== fixed.length) return false
  return fixed.every((level, index) => level === '+' || level === place || level === given[index])
}
