import { javaPeer } from '../support/java-peer.ts'
import { describeSecretPeer } from '../support/secret-peer.ts'

describeSecretPeer({
  command: () => javaPeer('java', 'dev.keystead.peers.Peer'),
  withoutTrust: ({ JAVA_TOOL_OPTIONS: options = '', ...environment }) => ({
    ...environment,
    JAVA_TOOL_OPTIONS: options.replaceAll(/-Djavax\.net\.ssl\.\S+/g, ''),
  }),
  untrusted: /unable to find valid certification path/,
})
