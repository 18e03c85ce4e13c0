/** Runs a program several times at once, each in a process of its own, until it is told to stop: `node instances.ts 2 main.ts`. */
import { spawn } from 'node:child_process'
import { appNodeOptions } from '@faultline/stack/apps'

const [count = '1', main = ''] = process.argv.slice(2)
const running = Array.from({ length: Number(count) }, () =>
  spawn(process.execPath, [...appNodeOptions, main], { stdio: 'inherit' }),
)
process.on('SIGTERM', () => {
  for (const child of running) child.kill('SIGTERM')
})
for (const child of running) {
  child.once('exit', (code) => {
    if (code !== 0 && code !== null) process.exitCode = code
  })
}
