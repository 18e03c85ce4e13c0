import { readFileSync } from 'node:fs'
import type { Script } from '@faultline/runtime/redis'
import { luaPrelude } from './lua-prelude.ts'

const includeLine = /^--- @include (?<name>[a-z-]+)$/gm

/**
 * Reads a script of this folder, `<verb>-<noun>-<number of KEYS>.lua`, and puts the prelude and everything it includes, each
 * once and before its use, in front.
 */
export function loadScript(name: string): Script {
  const seen = new Set<string>()
  const parts: string[] = []
  const add = (path: string): void => {
    if (seen.has(path)) return
    seen.add(path)
    const text = readFileSync(new URL(`./${path}.lua`, import.meta.url), 'utf8')
    for (const include of text.matchAll(includeLine)) {
      add(`includes/${include.groups?.['name'] ?? ''}`)
    }
    parts.push(text)
  }
  add(name)
  return { name, source: [luaPrelude(), ...parts].join('\n'), keys: Number(name.split('-').at(-1)) }
}
