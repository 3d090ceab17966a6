import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { clusterAccess } from './kubeconfig.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pod-'))
})
afterEach(() => rm(folder, { recursive: true }))

const pod = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' }

describe('in a pod', () => {
  test('takes the server from the environment, the authority and the token from the pod’s folder', async () => {
    await writeFile(join(folder, 'token'), 'first\n')
    await writeFile(join(folder, 'ca.crt'), 'the authority')
    const { server, tls, authorization } = await clusterAccess(pod, '/not/there', folder)
    expect(server).toBe('https://10.0.0.1:443')
    expect(tls).toEqual({ ca: 'the authority' })
    expect(await authorization()).toBe('Bearer first')
    const six = await clusterAccess({ ...pod, KUBERNETES_SERVICE_HOST: 'fd00::1' }, '', folder)
    expect(six.server).toBe('https://[fd00::1]:443')
  })

  test('reads the token again when the server has refused it', async () => {
    await writeFile(join(folder, 'token'), 'first')
    const { authorization, refused } = await clusterAccess(pod, '', folder)
    await writeFile(join(folder, 'token'), 'second')
    expect(await authorization()).toBe('Bearer first')
    refused()
    expect(await authorization()).toBe('Bearer second')
    await rm(join(folder, 'token'))
    refused()
    await expect(authorization()).rejects.toThrow(
      `failed to read token file "${folder}/token": open ${folder}/token: no such file or directory`,
    )
  })

  test('without a token, or outside a cluster, goes by the kubeconfig', async () => {
    const user = { name: 'u', user: { token: 'x' } }
    const cluster = { name: 'c', cluster: { server: 'https://elsewhere:6443' } }
    const context = { name: 'k', context: { cluster: 'c', user: 'u' } }
    const path = join(folder, 'config')
    await writeFile(
      path,
      JSON.stringify({ clusters: [cluster], users: [user], contexts: [context], 'current-context': 'k' }),
    )
    const empty = join(folder, 'empty')
    await mkdir(empty)
    expect((await clusterAccess(pod, path, empty)).server).toBe('https://elsewhere:6443')
    await writeFile(join(folder, 'token'), 'first')
    expect((await clusterAccess({ KUBECONFIG: path }, '', folder)).server).toBe('https://elsewhere:6443')
  })
})
