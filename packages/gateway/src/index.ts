/** The public surface of the gateway: the local certificate authority, and the server every client comes in by. */
export {
  type CertificateAuthority,
  type CertificateAuthorityOptions,
  openCertificateAuthority,
  rotateCertificateAuthority,
} from './certificate-authority.ts'
export { CertificateAuthorityError, type CertificateAuthorityErrorCode } from './certificate-authority-error.ts'
export { type Gateway, type GatewayLimits, type GatewayOptions, startGateway } from './gateway.ts'
export { createHostTable, type HostEntry, type HostRoute, type HostTable } from './host-table.ts'
