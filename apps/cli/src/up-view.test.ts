import { expect, it } from 'vitest'
import { Terminal } from './terminal.ts'
import { UpView, type ReadySummary } from './up-view.ts'

const summary: ReadySummary = {
  pageUrl: 'http://127.0.0.1:7400',
  environment: { REDIS_URL: 'redis://127.0.0.1:7407/0', DATABASE_URL: 'postgresql://f@h/f' },
  notReady: [],
  ms: 12_000,
}

function view(options: { isTTY: boolean; env?: Record<string, string> }) {
  const written: string[] = []
  const output = {
    isTTY: options.isTTY,
    columns: 80,
    write: (text: string) => written.push(text) > 0,
  }
  const terminal = new Terminal(output, output, options.env ?? {})
  return { terminal, view: new UpView(terminal), text: () => written.join('') }
}

it('prints one line a step, without colours or redrawing off a terminal', () => {
  const { view: plain, text } = view({ isTTY: false })
  plain.show({ kind: 'started', step: 'kafka' })
  plain.show({ kind: 'finished', step: 'kafka', ms: 2_345 })
  plain.show({ kind: 'notice', text: 'api ended' })
  plain.ready(summary, false)
  expect(text()).not.toContain('\u001b')
  expect(text()).toMatch(/^ {2}✓ kafka +2\.3 s\n {2}! api ended\n/)
})

it('has no colours with NO_COLOR on a terminal', () => {
  const { terminal } = view({ isTTY: true, env: { NO_COLOR: '1' } })
  expect(terminal.red('x')).toBe('x')
  expect(view({ isTTY: true }).terminal.red('x')).toBe('\u001b[31mx\u001b[0m')
})

it('shows the page, the clients and what to try when the stack is ready', () => {
  const { view: plain, text } = view({ isTTY: false })
  plain.ready(summary, true)
  expect(text()).toContain('Ready in 12 s: http://127.0.0.1:7400/')
  expect(text()).toContain('redis-cli -u redis://127.0.0.1:7407/0 zrevrange top_faults:all')
  expect(text()).toContain('psql "postgresql://f@h/f"')
  expect(text()).toContain('npx faultline down')
})

it('names the apps that are not ready, and why', () => {
  const { view: plain, text } = view({ isTTY: false })
  plain.ready({ ...summary, notReady: [{ name: 'api', reason: 'redis: connecting' }] }, false)
  expect(text()).toContain('Started, but 1 of the apps are not ready')
  expect(text()).toContain('api is not ready yet: redis: connecting; see `faultline logs api`')
})
