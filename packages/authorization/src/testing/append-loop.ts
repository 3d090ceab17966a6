/** A process of the audit trail's test: it appends events in small groups and says each on standard output, until killed. */
import { writeSync } from 'node:fs'
import { AuditTrail } from '../audit-trail.ts'

const [file] = process.argv.slice(2)
if (file === undefined) throw new Error('usage: append-loop.ts FILE')
const trail = new AuditTrail({ file, clock: Date.now })
for (let n = 0; ; n += 8) {
  const group = Array.from({ length: 8 }, (_, index) => n + index)
  await Promise.all(
    group.map(async (number) => {
      await trail.append({ service: 's', operation: 'o', requestId: `${number}`, resource: 'r', status: 200 })
      writeSync(1, `${number}\n`)
    }),
  )
}
