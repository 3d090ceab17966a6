/** The resident memory of each process, once it is ready and after it was loaded. */
import type { Target } from '../load/messages.ts'
import { residentBytes } from '../process-usage.ts'
import type { MemoryResult, Scenario } from '../row.ts'
import { startBareServer } from '../servers/bare.ts'
import { Cloud, vaultHost } from '../servers/cloud.ts'
import { keysteadSidecar, makeComponents, startSidecar } from '../servers/sidecar.ts'
import { serialize, type WireAnswer } from '../servers/wire.ts'

const row = 'memory'
const secret = 'memory'
const nothing: WireAnswer = {
  status: 200,
  rawHeaders: ['Content-Length', '2', 'Date', new Date(0).toUTCString(), 'Connection', 'keep-alive'],
  body: '{}',
}

export function memory(daprd: string | undefined): Scenario {
  return {
    rows: [row],
    async run(bench) {
      bench.progress(`${row}: resident memory of each process`)
      await using cloud = await Cloud.start()
      await cloud.makeVault([secret], 1)
      await using components = await makeComponents()
      await using sidecar = await startSidecar(keysteadSidecar, components.folder)
      await using bare = await startBareServer({ method: 'GET', path: '/', headers: {} }, nothing)
      await using other = daprd === undefined ? undefined : await startSidecar(daprd, components.folder)
      const [token = ''] = await cloud.vaultTokens(1)

      const plain = (port: number, path: string): Target => ({
        port,
        connections: 16,
        requests: [serialize({ method: 'GET', path, headers: { Host: 'localhost' } })],
        status: 200,
      })
      const vault: Target = {
        ...cloud.address(vaultHost),
        connections: 16,
        requests: [
          serialize({
            method: 'GET',
            path: `/secrets/${secret}?api-version=7.5`,
            headers: { Host: vaultHost, Authorization: `Bearer ${token}` },
          }),
        ],
        status: 200,
      }
      const secrets = '/v1.0/secrets/secretstore/database-password'
      const pids = await cloud.processes()
      const processes: readonly { name: string; pid: number; target?: Target }[] = [
        ...[...pids].map(([name, pid]) => ({ name, pid, ...(name === 'core' ? { target: vault } : {}) })),
        { name: 'sidecar', pid: sidecar.pid, target: plain(sidecar.address.port, secrets) },
        ...(other ? [{ name: 'daprd', pid: other.pid, target: plain(other.address.port, secrets) }] : []),
        { name: 'bare node:http', pid: bare.pid, target: plain(bare.address.port, '/') },
      ]

      const idle = await Promise.all(processes.map(({ pid }) => residentBytes(pid)))
      const results: MemoryResult[] = []
      for (const [index, { name, pid, target }] of processes.entries()) {
        if (target) await (await bench.generator.open(target)).run(bench.seconds)
        const loaded = target ? { loaded: await residentBytes(pid) } : {}
        results.push({ process: name, idle: idle[index] ?? 0, ...loaded })
      }
      return results
    },
  }
}
