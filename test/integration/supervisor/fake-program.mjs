// A stand-in for a back end. argv: name, journal file, and what it does: serve | die | stubborn (ignores SIGTERM).
// It writes each event of its life to the journal, one line, so that a test sees the order across processes.
import { appendFileSync, writeFileSync } from 'node:fs'

const [name, journal, manner] = process.argv.slice(2)
const note = (event) => {
  appendFileSync(journal, `${name} ${event}\n`)
}

note('started')
if (manner === 'die') {
  console.log(`${name} cannot find its data`)
  process.exit(3)
}
process.on('SIGTERM', () => {
  if (manner === 'stubborn') return
  // A moment between the signal and the end makes a wrong stop order visible.
  setTimeout(() => {
    note('stopped')
    process.exit(0)
  }, 60)
})
writeFileSync(`${journal}.${name}.ready`, String(process.pid))
setInterval(() => {}, 1_000)
