import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { luaPrelude } from '../../../apps/redis-consumer/src/commands/lua-prelude.ts'
import { scripts } from '../../../apps/redis-consumer/src/commands/commands.ts'
import { openServingRedis, type ServingRedis } from '../../support/serving-redis.ts'

const folder = new URL('../../../apps/redis-consumer/src/commands/', import.meta.url)
const luaFiles = (path = ''): string[] =>
  readdirSync(new URL(path, folder))
    .filter((file) => file.endsWith('.lua'))
    .map((file) => file.replace(/\.lua$/, ''))
const text = (path: string) => readFileSync(new URL(`${path}.lua`, folder), 'utf8')

let redis: ServingRedis
beforeAll(async () => {
  redis = await openServingRedis()
})
afterAll(() => redis.close())

it('every script file has its wrapper', () => {
  expect(scripts.map(({ name }) => name).sort()).toEqual(luaFiles().sort())
})

describe.each(scripts)('$name', (script) => {
  const source = text(script.name)

  it('has a header with its contract', () => {
    const header = /--\[\[(?<header>[^]*?)\]\]/.exec(source)?.groups?.['header'] ?? ''
    for (const part of ['KEYS', 'Output', 'Bound']) expect(header).toContain(part)
  })

  it('takes as many keys as its name says', () => {
    const used = [...source.matchAll(/KEYS\[(\d+)\]/g)].map(([, index]) => Number(index))
    expect(Math.max(0, ...used)).toBe(script.keys)
  })

  it('documents every argument it reads', () => {
    const [, header = '', body = ''] = /--\[\[([^]*?)\]\]([^]*)/.exec(source) ?? []
    const args = (part: string) => new Set(part.match(/ARGV\[\d+\]/g))
    expect(args(body)).toEqual(new Set([...args(header)]))
  })

  it('spells no key', () => {
    expect(source.replace(/--\[\[[^]*?\]\]/, '')).not.toMatch(/faultline:|top_faults:|_summary:/)
  })

  it('compiles', async () => {
    const hash = await redis.client.run('load', (client) => client.script('LOAD', script.source))
    expect(hash).toMatch(/^[0-9a-f]{40}$/)
  })
})

it.each(luaFiles('includes/'))(
  'include %s defines the function of its name, and is used',
  (name) => {
    expect(text(`includes/${name}`)).toContain(`local function ${name.replaceAll('-', '_')}(`)
    const everything = [...luaFiles(), ...luaFiles('includes/').map((file) => `includes/${file}`)]
    expect(everything.filter((path) => text(path).includes(`@include ${name}\n`))).not.toEqual([])
  },
)

it('the prelude builds keys from the contracts', () => {
  expect(luaPrelude()).toContain(
    "function key.window_events(x, y) return 'faultline:window_events:' .. x .. ':' .. y end",
  )
})
