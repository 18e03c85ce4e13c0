/**
 * Lets the clock of an application jump while it runs: loaded with `--import`, its address names a folder (see clock-options.ts).
 * The file there with the application's name holds by how many milliseconds its clock is wrong. Timers are not touched: a
 * clock that is set does not move them either.
 */
import { readFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'

const folder = new URL(import.meta.url).searchParams.get('folder')
// apps/<name>/src/main.ts
const app = basename(resolve(process.argv[1] ?? '', '..', '..'))
const path = join(folder, app)
let offset = 0

function read() {
  let text = ''
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    // No file: the clock is right.
  }
  offset = Number(text)
}
read()
setInterval(read, 50).unref()

const RealDate = Date
const now = () => RealDate.now() + offset
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  apply: (target) => new target(now()).toString(),
  get: (target, key, receiver) => (key === 'now' ? now : Reflect.get(target, key, receiver)),
})
