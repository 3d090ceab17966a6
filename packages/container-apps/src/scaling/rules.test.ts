import { expect, test } from 'vitest'
import type { ScaleRule } from '../platform/platform.ts'
import { parseRules } from './rules.ts'

const scale = { minReplicas: 0, maxReplicas: 10, pollingInterval: 30, cooldownPeriod: 300 }
const parse = (rule: Partial<ScaleRule>) =>
  parseRules({ scale: { ...scale, rules: [{ name: 'r', type: 'custom', metadata: {}, auth: [], ...rule }] } })

test('an app with ingress and no rule is scaled by ten requests at a time; one without ingress by nothing', () => {
  const none = { scale: { ...scale, rules: [] } }
  expect(parseRules({ ...none, targetPort: 80 }).rules).toMatchObject([{ kind: 'http', concurrentRequests: 10 }])
  expect(parseRules(none).rules).toEqual([])
})

test('a queue is read with a secret or with an identity', () => {
  const metadata = { accountName: 'acc1', queueName: 'orders', queueLength: '20' }
  const auth = [{ secretRef: 'queue-connection', triggerParameter: 'connection' }]
  expect(parse({ type: 'azure-queue', metadata, auth }).rules).toEqual([
    {
      kind: 'azure-queue',
      name: 'r',
      queueName: 'orders',
      queueLength: 20,
      access: { connectionSecret: 'queue-connection' },
    },
  ])
  expect(parse({ customType: 'azure-queue', metadata, identity: 'system' }).rules).toMatchObject([
    { access: { accountName: 'acc1', endpointSuffix: 'queue.core.windows.net', identity: 'system' } },
  ])
})

test.each([
  [{ type: 'http', metadata: { concurrentRequests: '0' } }, /concurrentRequests is a whole number from 1, not "0"/],
  [{ type: 'azure-queue' }, /names no queue/],
  [{ type: 'azure-queue', metadata: { queueName: 'q' } }, /neither a secret .* nor an identity/],
  [{ customType: 'cpu' }, /value is a whole number/],
  [{ customType: 'cpu', metadata: { type: 'AverageValue', value: '1' } }, /has the type Utilization/],
  [{ customType: 'kafka' }, /kafka rules are not implemented/],
] as const)('%j takes no part, and says why', (rule, reason) => {
  const { rules, refused } = parse(rule)
  expect(rules).toEqual([])
  expect(refused.map(({ message }) => message)).toEqual([expect.stringMatching(reason)])
})
