import { expect, it } from 'vitest'
import { scripts } from './commands.ts'
import { luaPrelude } from './lua-prelude.ts'

const withoutComments = (lua: string) => lua.replace(/--\[\[[^]*?\]\]/g, '').replace(/--.*$/gm, '')

// No linter reads Lua here.
it.each(scripts)('$name uses every local name that it declares', ({ source }) => {
  const words = withoutComments(source).match(/\w+/g) ?? []
  // The prelude is the same for every script; none needs all of it.
  const own = withoutComments(source.replace(luaPrelude(), ''))
  const declared = [...own.matchAll(/\blocal (?:function )?([\w, ]+)/g)]
    .flatMap(([, names = '']) => names.split(','))
    .map((name) => name.trim())
  expect(declared.length).toBeGreaterThan(0)
  expect(declared.filter((name) => words.filter((word) => word === name).length < 2)).toEqual([])
})
