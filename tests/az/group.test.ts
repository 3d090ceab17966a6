/** The Azure CLI signs in as a service principal and makes a resource group. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Az } from '../support/az.ts'
import { TestCloud } from '../support/cloud.ts'

let cloud: TestCloud
let az: Az

beforeAll(async () => {
  cloud = await TestCloud.start()
  az = await Az.asOwner(cloud)
})
afterAll(async () => {
  await az?.[Symbol.asyncDispose]()
  await cloud?.[Symbol.asyncDispose]()
})

test('a resource group is made, shown, and not found under another name', async () => {
  const id = `/subscriptions/${cloud.environment.AZURE_SUBSCRIPTION_ID}/resourceGroups/rg-first`
  await az.succeed('az group create --name rg-first --location westeurope')
  expect(await az.json('az group show --name rg-first')).toMatchObject({ id, location: 'westeurope' })
  const { code, message } = await az.refused('az group show --name rg-second')
  expect(code).toBe(3)
  expect(message).toContain("(ResourceGroupNotFound) Resource group 'rg-second' could not be found.")
})
