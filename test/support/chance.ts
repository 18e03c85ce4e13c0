/** Random numbers that a seed repeats (mulberry32): the only source of chance in a run. */
export class Chance {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** For seeds that are counted up: neighbours would begin alike. */
  static ofCounted(seed: number): Chance {
    const chance = new Chance(Math.imul(seed ^ 0x9e37_79b9, 0x85eb_ca6b) ^ (seed >>> 13))
    chance.next()
    return chance
  }

  /** Another one, so that who uses it in between changes nothing for the rest. */
  fork(): Chance {
    return new Chance(this.next() * 4_294_967_296)
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }

  /** A whole number in [from, to]. */
  between(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1))
  }

  /** Mostly near `from`, now and then up to `to`: delays are like that. */
  skewed(from: number, to: number): number {
    return from + (to - from) * this.next() ** 4
  }

  isTrue(probability: number): boolean {
    return probability > 0 && this.next() < probability
  }

  pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.next() * items.length)]
    if (item === undefined) throw new Error('nothing to choose from')
    return item
  }

  /** Each with a probability in proportion to its weight. */
  pickWeighted<T extends { readonly weight: number }>(items: readonly T[]): T {
    let left = this.next() * items.reduce((sum, { weight }) => sum + weight, 0)
    const found = items.find(({ weight }) => (left -= weight) < 0)
    return found ?? this.pick(items)
  }

  shuffled<T>(items: readonly T[]): T[] {
    return items
      .map((item) => ({ item, at: this.next() }))
      .sort((a, b) => a.at - b.at)
      .map(({ item }) => item)
  }
}
