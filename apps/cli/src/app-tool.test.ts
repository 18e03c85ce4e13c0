import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { runAppTool, toolEnvironment } from './app-tool.ts'
import { createContext } from './context.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'faultline-app-tool-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

const contextWith = (env: Record<string, string>) => ({
  ...createContext({ ...process, env: { ...env, FAULTLINE_HOME: join(folder, 'home') } }),
  projectFolder: folder,
})

it.each([
  ['process.exit(Number(process.argv[2]))', 3],
  ["process.exit(process.env.REDIS_URL === 'redis://given' ? 0 : 4)", 0],
  ["process.kill(process.pid, 'SIGKILL')", 1],
])('resolves to the exit code of %s', async (program, exitCode) => {
  const source = join(folder, 'apps', 'some-app', 'src', 'some-tool')
  await mkdir(source, { recursive: true })
  await writeFile(join(source, 'main.ts'), program)
  const context = contextWith({ REDIS_URL: 'redis://given' })
  expect(await runAppTool(context, { app: 'some-app', tool: 'some-tool' }, ['3'])).toBe(exitCode)
})

it('needs a running stack only where the caller names no address', async () => {
  await expect(toolEnvironment(contextWith({ LOG_LEVEL: 'warn' }))).rejects.toThrow('NOT_RUNNING')
  await expect(toolEnvironment(contextWith({ REDIS_URL: '' }))).rejects.toThrow('NOT_RUNNING')
  const given = await toolEnvironment(contextWith({ REDIS_HOST: 'far' }))
  expect(given).toMatchObject({ REDIS_HOST: 'far' })
})
