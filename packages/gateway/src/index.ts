/** The public surface of the gateway: the local certificate authority, and the server every client comes in by. */
export { type CertificateAuthority, openCertificateAuthority } from './certificate-authority.ts'
export { type Gateway, type GatewayOptions, startGateway } from './gateway.ts'
export { createHostTable, type HostRoute, type HostTable } from './host-table.ts'
