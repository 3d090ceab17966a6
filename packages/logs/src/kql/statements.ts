/** `let` statements: what a name stands for in what follows. */
import { type Context, type Environment, translate } from './context.ts'
import type { SyntaxNode } from './syntax-node.ts'

export function bindStatements(
  statements: readonly SyntaxNode[],
  outer: Environment,
  context: Pick<Context, 'translator' | 'now'>,
): Environment {
  const environment = new Map(outer)
  for (const statement of statements) {
    if (statement.class !== 'LetStatement') throw statement.unsupported('This kind of statement')
    const name = statement.node('Name').name
    const expression = statement.node('Expression')
    if (expression.class === 'FunctionDeclaration') {
      environment.set(name, { kind: 'function', declaration: expression, environment: new Map(environment) })
    } else if (expression.isTabular) {
      environment.set(name, { kind: 'table', relation: context.translator.table(expression, environment) })
    } else {
      const value = translate(expression, { ...context, environment, column: () => undefined })
      environment.set(name, { kind: 'scalar', value })
    }
  }
  return environment
}
