/** A real cluster, attached: what az shows of it, and that the kubeconfig which az hands over works. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Az } from '../support/az.ts'
import { keysteadCommand, run, succeed, TestCloud } from '../support/cloud.ts'
import { startCluster, type TestCluster } from '../support/kubernetes.ts'

let cluster: TestCluster
let cloud: TestCloud
let az: Az

beforeAll(async () => {
  cluster = await startCluster()
  cloud = await TestCloud.start()
  az = await Az.asOwner(cloud)
  await az.succeed('az group create -n rg-aks -l westeurope -o none')
})
afterAll(async () => {
  await az?.[Symbol.asyncDispose]()
  await cloud?.[Symbol.asyncDispose]()
  await cluster?.close()
})

const show = () =>
  az.json<Record<string, unknown>>(
    'az aks show -g rg-aks -n real --query "{power:powerState.code,version:kubernetesVersion,issuer:oidcIssuerProfile.issuerUrl,group:nodeResourceGroup}"',
  )

test('is shown as it says itself, is handed over, and is not said to run when it does not', async () => {
  const name = ['--name', 'real', '--resource-group', 'rg-aks', '--data-dir', cloud.dataDirectory]
  const { stderr } = await succeed(run(keysteadCommand, ['aks', 'attach', ...name, '--kubeconfig', cluster.kubeconfig]))
  expect(stderr).not.toContain('Unknown')
  const shown = { version: '1.34.1', issuer: cluster.url, group: 'MC_rg-aks_real_westeurope' }
  expect(await show()).toEqual({ power: 'Running', ...shown })

  await az.succeed('az aks get-credentials -g rg-aks -n real --file got.yaml')
  const kubectl = (kubeconfig: string) =>
    succeed(run(cluster.kubectl, ['--kubeconfig', kubeconfig, 'get', 'namespaces', '--output', 'name']))
  const got = join(az.home, 'got.yaml')
  expect((await kubectl(got)).stdout).toContain('namespace/kube-system')
  expect(await readFile(got, 'utf8')).toContain(cluster.url)

  await cluster.kill()
  expect(await show()).toEqual({ power: 'Unknown', ...shown })
  await cluster.restart()
  expect(await show()).toMatchObject({ power: 'Running' })
  await succeed(run(keysteadCommand, ['aks', 'detach', ...name]))
  expect((await kubectl(got)).stdout).toContain('namespace/kube-system')
})
