import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A mistake that could be made in the product, and the command that must notice it. */
export interface PlantedBug {
  readonly name: string
  readonly path: string
  /** What is wrong, for the reader. */
  readonly bug: string
  /** A command, run in a copy of the tree with the patch applied; it has to fail. */
  readonly detector: string
}

/** Every `*.patch` of this folder: a unified diff below the lines `bug:` and `detector:`. */
export function plantedBugs(): readonly PlantedBug[] {
  return readdirSync(import.meta.dirname)
    .filter((file) => file.endsWith('.patch'))
    .toSorted()
    .map((file) => {
      const path = join(import.meta.dirname, file)
      const text = readFileSync(path, 'utf8')
      const line = (name: string): string => {
        const found = new RegExp(`^${name}: (.+)$`, 'm').exec(text)?.[1]
        if (found === undefined) throw new Error(`${file} has no line "${name}:"`)
        return found
      }
      return {
        name: file.replace(/\.patch$/, ''),
        path,
        bug: line('bug'),
        detector: line('detector'),
      }
    })
}
