import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'

const project = new URL('../../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, project), 'utf8')
const exists = (path: string) => existsSync(new URL(path, project))

const service = z.object({
  image: z.string(),
  build: z.string().optional(),
  command: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()).optional(),
})
const { services } = z
  .object({ services: z.record(z.string(), service) })
  .parse(parse(read('docker-compose.yml'), { merge: true }))

/** What each service runs that is a program of this project. */
const programs = Object.entries(services).flatMap(([name, { command = [] }]) =>
  command.filter((word) => word.endsWith('.ts')).map((path): [string, string] => [name, path]),
)

describe('docker-compose.yml', () => {
  it.each(programs)('%s runs a program that exists: %s', (_, path) => {
    expect(exists(path)).toBe(true)
  })

  it('runs every application but those of a workstation, each under its own name', () => {
    const onWorkstation = ['cli', 'demo-fleet']
    const apps = readdirSync(new URL('apps', project))
      .filter((name) => !onWorkstation.includes(name) && exists(`apps/${name}/src/main.ts`))
      .map((name) => [name, `apps/${name}/src/main.ts`])
    expect(apps.length).toBeGreaterThan(0)
    expect(programs.filter(([, path]) => path.startsWith('apps/')).sort()).toEqual(apps.sort())
  })

  const pulled = Object.values(services).flatMap(({ image, build }) =>
    build === undefined ? [image] : [],
  )
  const folders = Object.values(services).flatMap(({ build }) => build ?? [])
  const bases = [...new Set(folders)].flatMap((folder) =>
    [...read(`${folder}/Dockerfile`).matchAll(/^FROM (\S+)/gm)].map(([, image = '']) => image),
  )

  it('builds on images of others, and finds their names', () => {
    expect(pulled.length).toBeGreaterThan(0)
    expect(bases.length).toBeGreaterThan(1)
  })

  it.each([...pulled, ...bases])('names the version of %s', (image) => {
    expect(image).toMatch(/:v?\d[^:]*$/)
  })
})

describe('debezium/postgres-connector.json', () => {
  const wanted = [...read('debezium/postgres-connector.json').matchAll(/\$\{env:(\w+)\}/g)]
  const names = [...new Set(wanted.map(([, name = '']) => name))]
  const given = services['connect']?.environment ?? {}

  it('asks for variables', () => {
    expect(names).toContain('FAULTLINE_DATABASE_HOST')
  })

  it.each(names)('gets %s from the service connect, which may pass it on', (name) => {
    expect(Object.keys(given)).toContain(name)
    const allowed = given['CONNECT_CONFIG_PROVIDERS_ENV_PARAM_ALLOWLIST_PATTERN'] ?? '^$'
    expect(name).toMatch(new RegExp(allowed))
  })
})
