import { defineConfig } from 'vitest/config'

const onRealThings = { fileParallelism: false, testTimeout: 120_000, hookTimeout: 240_000 }

// Real back ends, one set of them for a run; every test has names of its own in them.
const onBackEnds = { ...onRealThings, globalSetup: ['test/support/global-setup.ts'] }

// The product as its user starts it.
const onProduct = { ...onRealThings, globalSetup: ['test/support/product/product-setup.ts'] }

// Real child processes, but programs of their own: these pay for no back end.
const supervised = ['test/integration/supervisor/**/*.test.ts']

// Minutes each, and not part of `npm test`: `npm run test:slow`. The slice of the campaign has kills of every application too.
const slow = ['test/e2e/cdc/slot-lost.test.ts', 'test/e2e/chain/kill.test.ts']

interface Layer {
  readonly include: string[]
  readonly exclude?: string[]
  readonly testTimeout?: number
}

// Layers run one after the other: what a fast one finds is not worth waiting for a slow one.
const layer = (groupOrder: number, name: string, settings: Layer) => ({
  extends: true as const,
  test: { ...settings, name, sequence: { groupOrder } },
})

export default defineConfig({
  test: {
    reporters: ['default', './test/support/counts-reporter.ts'],
    projects: [
      layer(0, 'unit', {
        include: ['{apps,packages}/*/src/**/*.test.ts', 'test/planted-bugs/*.test.ts'],
        // Property tests take seconds of CPU; a busy machine stretches them.
        testTimeout: 120_000,
      }),
      layer(1, 'simulation', { include: ['test/simulation/**/*.test.ts'], testTimeout: 600_000 }),
      // Measures processor time, so nothing else of this run may be under way.
      layer(2, 'guard', { include: ['test/guard/**/*.test.ts'], testTimeout: 120_000 }),
      layer(3, 'supervisor', { include: supervised, testTimeout: 30_000 }),
      layer(4, 'fault-tools', { include: ['test/faults/tools/**/*.test.ts'], testTimeout: 30_000 }),
      layer(5, 'contract', { include: ['test/contract/**/*.test.ts'], ...onBackEnds }),
      layer(6, 'integration', {
        include: ['test/integration/**/*.test.ts'],
        exclude: supervised,
        ...onBackEnds,
      }),
      layer(7, 'e2e', { include: ['test/e2e/**/*.test.ts'], exclude: slow, ...onProduct }),
      layer(8, 'campaign', {
        include: ['test/faults/campaign/**/*.test.ts'],
        testTimeout: 900_000,
      }),
      layer(9, 'slow', { include: slow, ...onProduct }),
    ],
  },
})
