import { execFileSync, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { plantedBugs, type PlantedBug } from './patches.ts'

const help = `Examples
  npm run planted-bugs
  npm run planted-bugs -- join-by-arrival

Plants each bug of test/planted-bugs in a copy of the tree and runs the command that must notice it. Exit code 1: one was not
noticed. Some detectors need a Redis server at REDIS_URL (see "faultline env") and empty its database 9.`

const project = resolve(import.meta.dirname, '..', '..')
const ownPackages = '@faultline'

/** A copy of the working tree whose packages are its own, and everything else of node_modules is ours. */
function copyTree(): string {
  const copy = mkdtempSync(join(tmpdir(), 'faultline-planted-'))
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], {
    cwd: project,
    encoding: 'utf8',
  }).split('\0')
  for (const file of files) {
    if (file === '' || !existsSync(join(project, file))) continue
    mkdirSync(dirname(join(copy, file)), { recursive: true })
    cpSync(join(project, file), join(copy, file))
  }
  const modules = join(copy, 'node_modules')
  mkdirSync(join(modules, ownPackages), { recursive: true })
  for (const name of readdirSync(join(project, 'node_modules'))) {
    if (name !== ownPackages) {
      symlinkSync(join(project, 'node_modules', name), join(modules, name))
    }
  }
  for (const folder of ['packages', 'apps']) {
    for (const name of readdirSync(join(copy, folder))) {
      if (!lstatSync(join(copy, folder, name)).isDirectory()) continue
      symlinkSync(join(copy, folder, name), join(modules, ownPackages, name))
    }
  }
  return copy
}

interface Outcome {
  readonly isCaught: boolean
  readonly after: string
}

function hunt({ path, detector }: PlantedBug): Outcome {
  const copy = copyTree()
  try {
    execFileSync('git', ['apply', path], { cwd: copy })
    const start = performance.now()
    const { status, stdout } = spawnSync(detector, { cwd: copy, shell: true, encoding: 'utf8' })
    const seconds = ((performance.now() - start) / 1_000).toFixed(0)
    const seed = /^seed (\d+):\n {2}(.*)$/m.exec(stdout)
    const what = seed === null ? '' : `seed ${seed[1] ?? ''}, ${seed[2] ?? ''}`
    // A detector that cannot run must not count as one that noticed something.
    return {
      isCaught: status === 1,
      after: `${seconds} s: ${what || `exit code ${status ?? '?'}`}`,
    }
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

function main(names: readonly string[]): number {
  const all = plantedBugs()
  const unknown = names.filter((name) => !all.some((bug) => bug.name === name))
  if (names.includes('-h') || names.includes('--help')) {
    process.stdout.write(`${help}\n`)
    return 0
  }
  if (unknown.length > 0) {
    process.stderr.write(`no such bug: ${unknown.join(', ')}\n\n${help}\n`)
    return 2
  }
  const chosen = all.filter(({ name }) => names.length === 0 || names.includes(name))
  let missed = 0
  for (const bug of chosen) {
    const { isCaught, after } = hunt(bug)
    if (!isCaught) missed += 1
    const verdict = isCaught ? 'caught' : 'MISSED'
    process.stdout.write(`${bug.name.padEnd(24)} ${verdict} | ${bug.detector} | ${after}\n`)
  }
  process.stdout.write(`${chosen.length - missed} of ${chosen.length} caught\n`)
  return missed === 0 ? 0 : 1
}

process.exitCode = main(process.argv.slice(2))
