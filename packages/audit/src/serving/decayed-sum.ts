/**
 * A sum whose past fades, kept as its value at one instant. Decaying is multiplying, so adding in any order gives the same
 * sum up to rounding; the instant moves forward only, which keeps the powers at most 1.
 */
export class DecayedSum {
  readonly #halfLifeMs: number
  #at = -Infinity
  #value = 0

  constructor(halfLifeMs: number) {
    this.#halfLifeMs = halfLifeMs
  }

  /** @param measuredAt epoch ms */
  add(amount: number, measuredAt: number): void {
    if (measuredAt > this.#at) {
      this.#value = this.at(measuredAt) + amount
      this.#at = measuredAt
    } else this.#value += amount * 2 ** ((measuredAt - this.#at) / this.#halfLifeMs)
  }

  /** The sum at an instant, epoch ms. */
  at(epochMs: number): number {
    return this.#value === 0 ? 0 : this.#value * 2 ** ((this.#at - epochMs) / this.#halfLifeMs)
  }
}
