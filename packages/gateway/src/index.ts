/** The public surface of the gateway: the local certificate authority, and the server every client comes in by. */

export { CaBundleError, caBundle } from './ca-bundle.ts'
export {
  type CertificateAuthority,
  type CertificateAuthorityOptions,
  openCertificateAuthority,
  rotateCertificateAuthority,
  type ServerCertificate,
} from './certificate-authority.ts'
export { CertificateAuthorityError, type CertificateAuthorityErrorCode } from './certificate-authority-error.ts'
export { type ClientEnvironmentOptions, clientEnvironment, directEnvironment } from './client-environment.ts'
export { type Gateway, type GatewayLimits, type GatewayOptions, startGateway } from './gateway.ts'
export { createHostTable, type HostEntry, type HostRoute, type HostTable, type LoopbackPorts } from './host-table.ts'
export { javaTrustStore } from './java-trust-store.ts'
