import { expect, it } from 'vitest'
import { createIdleCollection } from './idle-collection.ts'

const mebibyte = 1 << 20

function fakeProcess() {
  const state = { resident: 60, heap: 8, utilization: 0.1, collected: 0, garbage: 0 }
  const tick = createIdleCollection({
    resident: () => state.resident * mebibyte,
    heapUsed: () => state.heap * mebibyte,
    utilization: () => state.utilization,
    collect() {
      state.collected += 1
      state.resident -= state.garbage
      state.garbage = 0
    },
  })
  const allocate = (mebibytes: number) => {
    state.resident += mebibytes
    state.garbage += mebibytes
  }
  return { state, tick, allocate }
}

it('collects once what a burst has left, when it is over', () => {
  const { state, tick, allocate } = fakeProcess()
  allocate(90)
  state.utilization = 0.9
  tick()
  expect(state.collected).toBe(0)
  state.utilization = 0.1
  for (let i = 0; i < 3; i++) tick()
  expect(state).toMatchObject({ collected: 1, resident: 60 })
})

it('does not come back for what cannot be freed', () => {
  const { state, tick } = fakeProcess()
  state.resident += 90
  for (let i = 0; i < 3; i++) tick()
  expect(state.collected).toBe(1)
})

it('leaves small growth and large heaps alone', () => {
  const { state, tick, allocate } = fakeProcess()
  allocate(10)
  tick()
  allocate(400)
  state.heap = 300
  tick()
  expect(state.collected).toBe(0)
})
