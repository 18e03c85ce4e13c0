import type { Reporter, TestModule } from 'vitest/node'

/** Ends a run with one plain line of counts, for programs that read it. */
export default class CountsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0, pending: 0 }
    for (const module of modules) {
      for (const test of module.children.allTests()) counts[test.result().state]++
      if (module.state() === 'failed' && [...module.children.allTests()].length === 0)
        counts.failed++
    }
    const { passed, failed, skipped } = counts
    process.stdout.write(`\nTests: ${passed} passed, ${failed} failed, ${skipped} skipped\n`)
  }
}
