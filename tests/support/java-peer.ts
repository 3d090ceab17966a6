/** Peers in Java: built by Maven once, and run so that they start quickly rather than run for long. */

import { join } from 'node:path'
import { root, run, succeed } from './cloud.ts'
import { builtPeer } from './peer-build.ts'

/** The command of the peer in `tests/peers/NAME`, up to its class. */
export async function javaPeer(name: string, mainClass: string): Promise<readonly [string, ...string[]]> {
  const sources = join(root, 'tests/peers', name)
  const built = await builtPeer({
    name,
    sources,
    tools: [
      ['java', '-version'],
      ['mvn', '-v', '-q'],
    ],
    needs: 'a JDK 17 or newer and Maven 3.8 or newer',
    build: async (output) => {
      await succeed(run('mvn', ['-q', '-B', `-Dpeer.build=${output}`, 'package'], { cwd: sources }))
    },
  })
  const quickStart = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC']
  return ['java', ...quickStart, '-cp', `${built}/peer.jar:${built}/lib/*`, mainClass]
}
