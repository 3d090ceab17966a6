/** `middleware.http.routerchecker`: only requests whose URI matches a rule go on. */

import { field, type MiddlewareFactory, pattern } from './factory.ts'
import { refusal } from './pipeline.ts'

export const createRouterChecker: MiddlewareFactory = ({ metadata }) => {
  const rule = pattern(field(metadata, 'rule'), 'failed to compile rule regexp')
  return {
    handle({ path, query }) {
      return rule.test(query === '' ? path : `${path}?${query}`) ? undefined : refusal(400, 'invalid router')
    },
  }
}
