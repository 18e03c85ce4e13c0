import { defineConfig } from 'vitest/config'

// One project a layer: unit tests stand beside their file and do no I/O; the rest use real back ends, one stack a run.
const onBackEnds = {
  globalSetup: ['test/support/global-setup.ts'],
  fileParallelism: false,
  testTimeout: 120_000,
  hookTimeout: 240_000,
}

// Real child processes, but programs of their own: these pay for no back end.
const supervised = ['test/integration/supervisor/**/*.test.ts']

export default defineConfig({
  test: {
    projects: [
      { extends: true, test: { name: 'unit', include: ['{apps,packages}/*/src/**/*.test.ts'] } },
      {
        extends: true,
        test: { name: 'contract', include: ['test/contract/**/*.test.ts'], ...onBackEnds },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          exclude: supervised,
          ...onBackEnds,
        },
      },
      {
        extends: true,
        test: { name: 'supervisor', include: supervised, testTimeout: 30_000 },
      },
      { extends: true, test: { name: 'e2e', include: ['test/e2e/**/*.test.ts'], ...onBackEnds } },
    ],
  },
})
