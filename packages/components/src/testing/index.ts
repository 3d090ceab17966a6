/** Servers and certificates for the length of a test, for tests that run across processes. */
export { clientOf, type IssuedCertificate, pfx, selfSigned, signedBy } from './certificates.ts'
export { type PostgresServer, startPostgresServer } from './postgres-server.ts'
export { type RedisServer, startRedisServer } from './redis-server.ts'
export { freePort, type ServerProcess, serverProgram, startServer } from './server-process.ts'
export { startVaultServer, type VaultServer, vaultBinary } from './vault-server.ts'
