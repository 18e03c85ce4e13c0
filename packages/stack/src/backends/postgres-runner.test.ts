import { expect, test } from 'vitest'
import { unprivilegedUser } from './postgres-runner.ts'

const root = 'root:x:0:0:root:/root:/bin/bash'
const nobody = 'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin'
const postgres = 'postgres:x:101:104:PostgreSQL:/var/lib/postgresql:/bin/bash'

test('prefers the user made for PostgreSQL', () => {
  expect(unprivilegedUser([root, nobody, postgres, ''].join('\n'))).toEqual({ uid: 101, gid: 104 })
})

test('falls back to nobody, never to root', () => {
  expect(unprivilegedUser([root, nobody].join('\n'))).toEqual({ uid: 65_534, gid: 65_534 })
  expect(unprivilegedUser(root)).toEqual({ uid: 65_534, gid: 65_534 })
})
