/** The conformance suites, for a test that has a store of its own to run them over. */
export type { Check } from './check.ts'
export { type SecretStoreSubject, secretStoreChecks } from './secret-store.ts'
export { type StateStoreCheck, type StateStoreSubject, stateStoreChecks } from './state-store.ts'
