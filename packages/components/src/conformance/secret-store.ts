/** What every secret store must do, as checks that any test runner can run. */
import assert from 'node:assert/strict'
import type { SecretStore } from '../secret-store.ts'
import type { Check } from './check.ts'

export interface SecretStoreSubject {
  readonly store: SecretStore
  /** Secrets that are in the store, by name; a store may hold others too. */
  readonly secrets: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** A name that is not in the store. */
  readonly missing: string
  /** What the store answers for it: its error's text, or the values of a store that has no such error. */
  readonly missingAnswer: RegExp | Readonly<Record<string, string>>
}

const signal = (): AbortSignal => AbortSignal.timeout(30_000)

export const secretStoreChecks: readonly Check<SecretStoreSubject>[] = [
  {
    name: 'gives each secret by its name',
    async run({ store, secrets }) {
      for (const [name, values] of Object.entries(secrets)) {
        assert.deepEqual(await store.getSecret(name, {}, signal()), values)
      }
    },
  },
  {
    name: 'gives every secret in bulk, with the values that single requests give',
    async run({ store, secrets }) {
      const all = await store.bulkGetSecret({}, signal())
      for (const [name, values] of Object.entries(secrets)) assert.deepEqual(all[name], values)
    },
  },
  {
    name: 'gives one pair under its own name unless it says that it can give several',
    async run({ store, secrets }) {
      if (store.features.includes('MULTIPLE_KEY_VALUES_PER_SECRET')) return
      for (const name of Object.keys(secrets)) {
        assert.deepEqual(Object.keys(await store.getSecret(name, {}, signal())), [name])
      }
    },
  },
  {
    name: 'answers for a name that is not there',
    async run({ store, missing, missingAnswer }) {
      const answer = store.getSecret(missing, {}, signal())
      if (missingAnswer instanceof RegExp) await assert.rejects(answer, { message: missingAnswer })
      else assert.deepEqual(await answer, missingAnswer)
    },
  },
  {
    name: 'keeps values out of the error for a name that is not there',
    async run({ store, secrets, missing }) {
      const error: unknown = await store.getSecret(missing, {}, signal()).catch((reason: unknown) => reason)
      for (const value of Object.values(secrets).flatMap((values) => Object.values(values))) {
        if (error instanceof Error && value !== '') assert.ok(!error.message.includes(value))
      }
    },
  },
  {
    name: 'answers many requests at once',
    async run({ store, secrets }) {
      const names = Object.keys(secrets)
      const wanted = Array.from({ length: 20 }, (_, index) => names[index % names.length] ?? '')
      const answers = await Promise.all(wanted.map((name) => store.getSecret(name, {}, signal())))
      assert.deepEqual(
        answers,
        wanted.map((name) => secrets[name]),
      )
    },
  },
]
