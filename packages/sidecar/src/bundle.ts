/** The bundle's first module: turns on the compile cache, then loads the program. */
import { enableCompileCache } from 'node:module'

enableCompileCache(process.env['KEYSTEAD_COMPILE_CACHE'] || undefined)
await import('./main.ts')
