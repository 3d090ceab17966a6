import { expect, test } from 'vitest'
import { isAtOrBelow, scopesAbove } from './scope.ts'
import { ScopeTree } from './scope-tree.ts'
import { generator } from './testing/random.ts'

test('a scope tree finds what a list would, through random additions and removals', () => {
  const random = generator(5)
  const tree = new ScopeTree<{ key: string }>()
  const list = new Set<{ key: string }>()
  const key = () => Array.from({ length: random.below(5) }, () => `/${random.pick(['a', 'b', 'ab'])}`).join('')
  const sorted = (items: Iterable<{ key: string }>) => [...items].map((item) => item.key).sort()
  for (let round = 0; round < 3_000; round++) {
    if (random.below(2) === 0) {
      const item = { key: key() }
      tree.add(item.key, item)
      list.add(item)
    } else {
      const item = [...list][random.below(list.size)] ?? { key: '/none' }
      tree.remove(item.key, item)
      list.delete(item)
    }
    const at = key()
    expect(sorted(tree.atOrBelow(at))).toEqual(sorted([...list].filter((item) => isAtOrBelow(item.key, at))))
    expect(sorted(tree.atOrAbove(at))).toEqual(sorted([...list].filter((item) => scopesAbove(at).includes(item.key))))
    expect(sorted(tree.all())).toEqual(sorted(list))
  }
})

test('a scope tree takes a scope of 10,000 segments', () => {
  const tree = new ScopeTree<string>()
  const deep = '/a'.repeat(10_000)
  tree.add(deep, 'item')
  expect([...tree.atOrBelow('/a')]).toEqual(['item'])
  expect([...tree.atOrAbove(`${deep}/b`)]).toEqual(['item'])
  tree.remove(deep, 'item')
  expect([...tree.all()]).toEqual([])
})
