import { describe, expect, test } from 'vitest'
import { readKubeconfig } from './kubeconfig.ts'

const data = (text: string) => Buffer.from(text).toString('base64')
const file = (cluster: string, user: string, current = 'here') => `apiVersion: v1
kind: Config
current-context: ${current}
contexts:
- { name: there, context: { cluster: c2, user: u } }
- { name: here, context: { cluster: c, user: u } }
clusters:
- { name: c2, cluster: { server: 'https://other:1' } }
- { name: c, cluster: { ${cluster} } }
users:
- { name: u, user: { ${user} } }
`
const server = "server: 'https://127.0.0.1:6443'"

describe('a kubeconfig', () => {
  test('is read by its current context', () => {
    const cluster = `${server}, certificate-authority-data: ${data('the CA')}`
    const user = `client-certificate-data: ${data('cert')}, client-key-data: ${data('key')}, token: t`
    expect(readKubeconfig(file(cluster, user))).toEqual({
      server: 'https://127.0.0.1:6443',
      authority: 'the CA',
      certificate: 'cert',
      key: 'key',
      token: 't',
    })
  })

  test.each([
    ['a: [1', 'it is no YAML'],
    [file(server, '', 'nowhere'), 'its current context names no cluster or no user'],
    [file("server: 'http://plain:80'", ''), "'clusters.1.cluster.server' is not as it must be"],
    [file(`${server}, certificate-authority: /etc/ca.pem`, ''), 'it refers to files of one machine'],
    [file(server, 'client-key: /home/me/key.pem'), 'it refers to files of one machine'],
    [file(`${server}, insecure-skip-tls-verify: true`, ''), 'it skips the verification of the cluster'],
    [file(server, 'token: [secret-token]'), "'users.0.user.token' is not as it must be"],
  ])('is refused without being quoted (%#)', (text, message) => {
    expect(() => readKubeconfig(text)).toThrow(message)
    try {
      readKubeconfig(text)
    } catch (error) {
      expect(String(error)).not.toContain('secret-token')
    }
  })
})
