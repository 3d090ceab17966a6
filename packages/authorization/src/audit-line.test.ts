import { expect, test } from 'vitest'
import { auditLine } from './audit-line.ts'
import type { AuditEvent } from './audit-trail.ts'
import { generator } from './testing/random.ts'

/** What `JSON.stringify` makes of an event, member by member. */
function plainLine(event: AuditEvent, time: string): string {
  const { service, operation, requestId, callerIp, caller, resource, status, durationMs, decision } = event
  const { allowed, reason, by, action, scope, assignmentId, roleName, excludedBy } = decision ?? {}
  return `${JSON.stringify({
    time,
    service,
    operation,
    requestId,
    callerIp,
    caller: caller && { appId: caller.appId, objectId: caller.objectId, tenantId: caller.tenantId },
    resource,
    status,
    durationMs,
    decision: decision && { allowed, reason, by, action, scope, assignmentId, roleName, excludedBy },
  })}\n`
}

test('a line is what JSON.stringify makes of the event, on 5,000 random events', () => {
  const random = generator(23)
  const texts = [
    '',
    'a',
    'SecretGet',
    '"',
    '\\',
    'a\nb',
    '\u2028',
    '\0',
    '💥',
    '\ud800',
    '/s/G',
    'x'.repeat(2_000),
  ] as const
  const text = () => random.pick(texts)
  const maybe = <T>(value: T): T | undefined => (random.below(2) === 0 ? value : undefined)
  const someone = () => ({
    ...(random.below(2) === 0 ? { appId: text() } : {}),
    objectId: text(),
    tenantId: text(),
    issuer: 'not in the trail',
  })
  const callers = [someone(), someone(), someone(), someone()] as const
  for (let round = 0; round < 5_000; round++) {
    const [resource, callerIp, caller, durationMs] = [text(), maybe(text()), maybe(random.pick(callers)), maybe(1.5)]
    const [assignmentId, roleName] = [maybe(text()), maybe(text())]
    const excludedBy = maybe({ assignmentId: text(), roleName: text() })
    const decision = maybe({
      allowed: random.below(2) === 0,
      reason: 'noRoleAssignment' as const,
      by: 'role' as const,
      principal: { tenantId: 't', objectId: 'o', groupIds: [] },
      action: text(),
      scope: random.below(2) === 0 ? resource : text(),
      ...(assignmentId === undefined ? {} : { assignmentId }),
      ...(roleName === undefined ? {} : { roleName }),
      ...(excludedBy === undefined ? {} : { excludedBy }),
    })
    const event: AuditEvent = {
      service: text(),
      operation: text(),
      requestId: text(),
      resource,
      status: 200,
      ...(callerIp === undefined ? {} : { callerIp }),
      ...(caller === undefined ? {} : { caller }),
      ...(durationMs === undefined ? {} : { durationMs }),
      ...(decision === undefined ? {} : { decision }),
    }
    expect(auditLine(event, '2026-01-02T03:04:05.006Z')).toBe(plainLine(event, '2026-01-02T03:04:05.006Z'))
  }
})
