/** Functions that a query declares with `let`: a call is the body with the arguments in place of the parameters. */
import { type Binding, type Context, type Environment, translate, translateTable } from './context.ts'
import { convert } from './conversion.ts'
import { bindStatements } from './statements.ts'
import type { SyntaxNode } from './syntax-node.ts'

const mostNested = 32

/** The body's expression, and what its names mean. */
export function bindParameters(
  called: Extract<Binding, { kind: 'function' }>,
  argumentNodes: readonly SyntaxNode[],
  context: Context,
): { readonly body: SyntaxNode; readonly environment: Environment } {
  const { declaration } = called
  const environment = new Map(called.environment)
  const depth = depthOf(context.environment) + 1
  if (depth > mostNested) throw declaration.unsupported(`More than ${mostNested} functions within each other`)
  environment.set(depthName, { kind: 'scalar', value: { sql: '', type: 'long', constant: BigInt(depth) } })
  const byName = new Map(
    argumentNodes.flatMap((node) => (node.class === 'SimpleNamedExpression' ? [[node.node('Name').name, node]] : [])),
  )
  const positional = argumentNodes.filter((node) => node.class !== 'SimpleNamedExpression')
  for (const [index, parameter] of declaration.node('Parameters').list('Parameters').entries()) {
    const nameAndType = parameter.node('NameAndType')
    const name = nameAndType.node('Name').name
    const given = byName.get(name) ?? positional[index]
    if (given?.isTabular) {
      environment.set(name, { kind: 'table', relation: translateTable(given, context) })
      continue
    }
    const value = given ? translate(given, context) : defaultOf(parameter, context)
    environment.set(name, { kind: 'scalar', value: convert(value, nameAndType.node('Name').type) })
  }
  const body = declaration.node('Body')
  return { body: body.node('Expression'), environment: bindStatements(body.list('Statements'), environment, context) }
}

// A name that no query can write.
const depthName = '\0depth'

function depthOf(environment: Environment): number {
  const binding = environment.get(depthName)
  return binding?.kind === 'scalar' ? Number(binding.value.constant) : 0
}

function defaultOf(parameter: SyntaxNode, context: Context) {
  const value = parameter.optional('DefaultValue')?.node('Value')
  if (!value) throw parameter.semantic('An argument is missing.')
  return translate(value, context)
}
