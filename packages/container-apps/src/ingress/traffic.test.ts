import { expect, test } from 'vitest'
import { affinityCookie, affinityIn, affinityOf, revisionPicker } from './traffic.ts'

test('weights are the shares of a random number', () => {
  const at = (value: number) =>
    revisionPicker(
      [
        { revision: 'a', weight: 20 },
        { revision: 'none', weight: 0 },
        { revision: 'b', weight: 80 },
      ],
      () => value,
    )()
  expect([0, 0.199, 0.2, 0.999].map(at)).toEqual(['a', 'a', 'b', 'b'])
})

test('without a weight no revision is picked', () => {
  expect(revisionPicker([{ revision: 'a', weight: 0 }], () => 0)()).toBeUndefined()
})

test('an affinity is found again among other cookies, quoted or not', () => {
  const affinity = affinityOf('web--1', 'http://127.0.0.1:4000')
  const [pair = ''] = affinityCookie(affinity, true).split(';')
  expect(affinityIn(`a=b; ${pair}; c=d`)).toBe(affinity)
  expect(affinityIn(pair.replaceAll('"', ''))).toBe(affinity)
  expect(affinityIn('xacaAffinity=0123456789abcdef')).toBeUndefined()
})
