import { defineConfig } from 'vitest/config'

// Tests resolve our own packages to their sources, so a unit test never runs a stale build.
// No 'import' here: it would count for what CommonJS packages require as well.
const resolve = { conditions: ['keystead-source', 'node'] }

export default defineConfig({
  resolve,
  ssr: { resolve },
  test: {
    projects: [
      {
        resolve,
        ssr: { resolve },
        test: { name: 'unit', include: ['packages/*/src/**/*.test.ts'], testTimeout: 20_000 },
      },
      {
        resolve,
        ssr: { resolve },
        test: {
          name: 'system',
          include: ['tests/**/*.test.ts'],
          exclude: ['tests/peers/**'],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          maxWorkers: 2,
        },
      },
      {
        resolve,
        ssr: { resolve },
        test: {
          name: 'peers',
          include: ['tests/peers/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 900_000,
          maxWorkers: 1,
        },
      },
    ],
  },
})
