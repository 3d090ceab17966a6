import { join } from 'node:path'
import { root, run, succeed } from '../support/cloud.ts'
import { builtPeer } from '../support/peer-build.ts'
import { describeSecretPeer } from '../support/secret-peer.ts'

const sources = join(root, 'tests/peers/java')

describeSecretPeer({
  command: async () => {
    const built = await builtPeer({
      name: 'java',
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
    // Quick to start rather than to run for long: each peer does one thing.
    return [
      'java',
      '-XX:TieredStopAtLevel=1',
      '-XX:+UseSerialGC',
      '-cp',
      `${built}/peer.jar:${built}/lib/*`,
      'dev.keystead.peers.Peer',
    ]
  },
  withoutTrust: ({ JAVA_TOOL_OPTIONS: options = '', ...environment }) => ({
    ...environment,
    JAVA_TOOL_OPTIONS: options.replaceAll(/-Djavax\.net\.ssl\.\S+/g, ''),
  }),
  untrusted: /unable to find valid certification path/,
})
