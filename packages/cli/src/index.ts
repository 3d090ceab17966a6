/** The public surface of cli, for tools that open the database of a cloud that is down. */
export { cloudMigrations } from './core/migrations.ts'
