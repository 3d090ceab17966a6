import { existsSync, globSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRegistry } from '../registry.ts'
import type { Conformance } from '../testing/conformance.ts'
import { testContext } from '../testing/context.ts'
import { type SecretStoreSubject, secretStoreChecks } from './secret-store.ts'
import { type StateStoreSubject, stateStoreChecks } from './state-store.ts'

/** A component folder joins by having a `conformance.ts`, which says how to open its store. */
const root = join(import.meta.dirname, '..')
const folders = globSync('{secretstores,state}/**/metadata.ts', { cwd: root }).map(dirname)

for (const folder of folders) {
  const path = join(root, folder, 'conformance.ts')
  it(`${folder} says how it is tested`, () => expect(existsSync(path)).toBe(true))
  const { conformance }: { conformance: Conformance } = await import(path)

  for (const [version, fixture] of Object.entries(conformance.versions)) {
    const title = `${folder.replaceAll('/', '.')}/${version}`
    if (typeof fixture === 'string') {
      describe.skip(`${title}: ${fixture}`, () => it('runs elsewhere', () => undefined))
      continue
    }
    describe(title, async () => {
      const factory = await createRegistry().factory(folder.replaceAll('/', '.'), version)
      let close: () => Promise<void> = async () => undefined
      if (factory?.block === 'secretstores') {
        let subject: SecretStoreSubject
        beforeAll(async () => {
          const { secrets, missing, missingAnswer, context, close: dispose } = await fixture()
          const store = await factory.init(testContext(context).context)
          subject = {
            store,
            secrets: secrets ?? {},
            missing: missing ?? '',
            missingAnswer: missingAnswer ?? {},
            close: dispose,
          }
          close = async () => Promise.all([store.close?.(), dispose()]).then(() => undefined)
        })
        for (const check of secretStoreChecks) it(check.name, () => check.run(subject))
      } else if (factory?.block === 'state') {
        const { context, close: dispose } = await fixture()
        const store = await factory.init(testContext(context).context)
        const subject: StateStoreSubject = { store, close: dispose }
        close = async () => Promise.all([store.close?.(), dispose()]).then(() => undefined)
        for (const check of stateStoreChecks(store)) it(check.name, () => check.run(subject))
      }
      afterAll(() => close())
    })
  }
}
