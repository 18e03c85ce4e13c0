import { carNumberMax } from '../measurements/bounds.ts'

/** Null where there is none, undefined where it is no whole number that PostgreSQL holds. */
export function parseCarNumber(text: string): number | null | undefined {
  if (text === '') return null
  const number = Number(text)
  return Number.isInteger(number) && Math.abs(number) <= carNumberMax ? number : undefined
}
