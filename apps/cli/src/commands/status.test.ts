import { expect, it } from 'vitest'
import { statusTable } from './status.ts'

const running = {
  name: 'kafka',
  kind: 'back-end',
  pid: 42,
  state: 'running',
  restarts: 0,
  deaths: 0,
  since: 1_000,
  lastExit: null,
  detail: null,
} as const

it('shows what runs, what waits and why, and a crash loop with the way to its log', () => {
  const table = statusTable(
    [
      running,
      { ...running, name: 'api', state: 'starting', detail: 'redis: connecting' },
      {
        ...running,
        name: 'enricher',
        kind: 'app',
        pid: null,
        state: 'backing-off',
        restarts: 7,
        deaths: 7,
        lastExit: 'exit code 1',
      },
    ],
    61_000,
  )
  expect(table).toEqual([
    'NAME      STATE        PID  RESTARTS  SINCE',
    'kafka     running      42   0         60 s',
    'api       starting     42   0         60 s   redis: connecting',
    'enricher  backing-off  -    7         60 s   crash loop: last ended with exit code 1; see `faultline logs enricher`',
  ])
})
