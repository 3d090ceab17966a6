import { expect, it } from 'vitest'
import { uniqueString } from './unique-string.ts'

// What `bicep console` prints for these.
it.each([
  [['test'], 'rbgf3xv4ufgzg'],
  [['hello', 'world'], 'a7wkljktk6wne'],
  [['abc'], 'cgtzqvhu4i23s'],
  [['foo', 'bar', 'baz'], 'xzi4ioaxtmth4'],
  [['/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/my-rg'], 'bmg7c6xu4tw46'],
])('uniqueString(%j) is %s', (parts, expected) => {
  expect(uniqueString(parts)).toBe(expected)
})
