import { setTimeout as delay } from 'node:timers/promises'
import { spread } from '../statistics.ts'

const sampleEveryMs = 5_000
/** Growth of less than this share is the garbage collector's breathing. */
const flatShare = 0.05

interface EnduranceOptions {
  readonly minutes: number
  /** Resident megabytes of the application now. */
  readonly megabytes: () => Promise<number>
  /** Empties the table, after each sample: it is about the memory, not about the disk. */
  readonly empty: () => Promise<unknown>
  /** What was done so far, in words. */
  readonly progress: () => string
  readonly report: (line: string) => void
}

export interface Memory {
  readonly seconds: number
  readonly samples: number
  readonly resident_megabytes: readonly [number, number]
  readonly first_half_megabytes: number
  readonly second_half_megabytes: number
  /** Second half to first half. */
  readonly ratio: number
  /** Of the line through all samples. */
  readonly slope_megabytes_an_hour: number
  /** Whether neither the halves nor the line grow by more than 5 % in the time. */
  readonly flat: boolean
}

/**
 * Works for some minutes while the memory of an application is sampled. The first fifth is left out: until then memory is taken for
 * the first time.
 */
export async function endure(
  { minutes, megabytes, empty, progress, report }: EnduranceOptions,
  work: (isOver: () => boolean) => Promise<void>,
): Promise<Memory> {
  const startedMs = performance.now()
  const elapsedMs = () => performance.now() - startedMs
  const isOver = () => elapsedMs() >= minutes * 60_000
  const samples: Sample[] = []
  const watch = async () => {
    while (!isOver()) {
      const sample = { atMs: elapsedMs(), megabytes: await megabytes() }
      samples.push(sample)
      const seconds = Math.round(sample.atMs / 1_000)
      report(`${seconds} s: ${progress()}, ${sample.megabytes.toFixed(0)} MB`)
      await empty()
      await delay(sampleEveryMs)
    }
  }
  await Promise.all([work(isOver), watch()])
  return {
    seconds: Math.round(elapsedMs() / 1_000),
    ...judge(samples.slice(Math.floor(samples.length / 5))),
  }
}

interface Sample {
  readonly atMs: number
  readonly megabytes: number
}

function judge(samples: readonly Sample[]): Omit<Memory, 'seconds'> {
  const middle = Math.ceil(samples.length / 2)
  const values = samples.map(({ megabytes }) => megabytes)
  const first = mean(values.slice(0, middle))
  const second = mean(values.slice(middle))
  const slope = slopeOf(samples)
  const lastedMs = (samples.at(-1)?.atMs ?? 0) - (samples[0]?.atMs ?? 0)
  const grownShare = (slope * lastedMs) / mean(values)
  return {
    samples: samples.length,
    resident_megabytes: spread(values),
    first_half_megabytes: round(first),
    second_half_megabytes: round(second),
    ratio: Math.round((second / first) * 1_000) / 1_000,
    slope_megabytes_an_hour: round(slope * 3_600_000),
    flat: second <= first * (1 + flatShare) && grownShare <= flatShare,
  }
}

/** Least squares, megabytes a millisecond. */
function slopeOf(samples: readonly Sample[]): number {
  const atMs = mean(samples.map((sample) => sample.atMs))
  const megabytes = mean(samples.map((sample) => sample.megabytes))
  let together = 0
  let alone = 0
  for (const sample of samples) {
    together += (sample.atMs - atMs) * (sample.megabytes - megabytes)
    alone += (sample.atMs - atMs) ** 2
  }
  return alone === 0 ? 0 : together / alone
}

const mean = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length

const round = (value: number) => Math.round(value * 10) / 10
