/**
 * Sees that the browser test has a Chromium: the one of FAULTLINE_CHROMIUM or /usr/bin/chromium, else Debian's package where this
 * process may install it. Runs before `npm test`.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const program = process.env['FAULTLINE_CHROMIUM'] ?? '/usr/bin/chromium'
const isRoot = process.getuid?.() === 0

function install(): boolean {
  process.stdout.write('Installing Chromium for the browser test …\n')
  for (const args of [['update'], ['install', '--yes', '--no-install-recommends', 'chromium']]) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const { status } = spawnSync('apt-get', ['--quiet=2', ...args], {
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    if (status !== 0) return false
  }
  return existsSync(program)
}

if (!existsSync(program) && !(isRoot && existsSync('/usr/bin/apt-get') && install())) {
  process.stderr.write(
    `There is no Chromium at ${program}: the browser test will fail. ` +
      'Install one (Debian: apt-get install chromium) or set FAULTLINE_CHROMIUM.\n',
  )
}
