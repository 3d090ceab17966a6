/** Scalar expressions as SQL. */
import { type Context, translate, translateTable } from './context.ts'
import { parseDynamic } from './dynamic-literal.ts'
import { translateLiteral } from './literals.ts'
import { scalarFunctions } from './scalar-functions.ts'
import { translateBetween, translateBinary, translateHasAny, translateIn, translateUnary } from './scalar-operators.ts'
import { literal, type Sql, sqlString } from './sql.ts'
import type { SyntaxNode } from './syntax-node.ts'
import { bindParameters } from './user-functions.ts'

/** Throws {@link KqlError} at the part that is not translated. */
export function translateScalar(node: SyntaxNode, context: Context): Sql {
  switch (node.class) {
    case 'LiteralExpression':
      return translateLiteral(node)
    case 'CompoundStringLiteralExpression':
      return literal(node.literalText, 'string')
    case 'DynamicExpression':
      return literal(parseDynamic(node), 'dynamic')
    case 'ParenthesizedExpression':
      return translate(node.node('Expression'), context)
    case 'SimpleNamedExpression':
      return translate(node.node('Expression'), context)
    case 'NameReference':
      return translateName(node, context)
    case 'PathExpression':
      return translatePath(node, context)
    case 'ElementExpression':
      return translateElement(node, context)
    case 'PrefixUnaryExpression':
      return translateUnary(node, context)
    case 'BinaryExpression':
      return translateBinary(node, context)
    case 'InExpression':
      return translateIn(node, context)
    case 'HasAnyExpression':
    case 'HasAllExpression':
      return translateHasAny(node, context)
    case 'BetweenExpression':
      return translateBetween(node, context)
    case 'FunctionCallExpression':
      return translateCall(node, context)
    case 'ToScalarExpression':
      return translateToScalar(node, context)
    default:
      throw node.unsupported(describe(node))
  }
}

const describe = (node: SyntaxNode): string => `This expression (${node.class.replace(/Expression$/, '')})`

function translateName(node: SyntaxNode, context: Context): Sql {
  const { name } = node
  const column = context.column(name)
  if (column) return column
  const binding = context.environment.get(name)
  if (binding?.kind === 'scalar') return binding.value
  throw node.semantic(`The name '${name}' does not refer to a column or a value here.`)
}

/** `value.property`, or `$left.column` within a join. */
function translatePath(node: SyntaxNode, context: Context): Sql {
  const [expression, selector] = [node.node('Expression'), node.node('Selector')]
  if (expression.class === 'NameReference' && (expression.name === '$left' || expression.name === '$right')) {
    const column = context.side?.(expression.name, selector.name)
    if (!column) throw selector.semantic(`'${selector.name}' is not a column of ${expression.name}.`)
    return column
  }
  if (selector.class !== 'NameReference') throw selector.unsupported('This kind of path')
  const value = translate(expression, context)
  if (value.type !== 'dynamic') throw expression.unsupported(`A property of a ${value.type}`)
  return { sql: `kql_get(${value.sql}, ${sqlString(selector.name)})`, type: 'dynamic' }
}

/** `value[index]` or `value['property']`. */
function translateElement(node: SyntaxNode, context: Context): Sql {
  const value = translate(node.node('Expression'), context)
  const key = translate(node.node('Selector').node('Expression'), context)
  if (value.type !== 'dynamic') throw node.unsupported(`An element of a ${value.type}`)
  if (key.type === 'string' || key.type === 'long' || key.type === 'int') {
    return { sql: `kql_get(${value.sql}, ${key.sql})`, type: 'dynamic' }
  }
  throw node.unsupported(`An element by a ${key.type}`)
}

function translateCall(node: SyntaxNode, context: Context): Sql {
  const name = node.node('Name').name
  const argumentNodes = node.node('ArgumentList').list('Expressions')
  const bound = context.environment.get(name)
  if (bound?.kind === 'function') {
    const { body, environment } = bindParameters(bound, argumentNodes, context)
    return translate(body, { ...context, environment, column: () => undefined })
  }
  const translated = scalarFunctions[name]
  if (!translated) throw node.unsupported(`The function ${name}()`)
  return translated({
    name,
    type: () => node.type,
    // A type says something of the result, which the language has taken in already.
    arguments: argumentNodes
      .filter((argument) => argument.class !== 'TypeOfLiteralExpression')
      .map((argument) => translate(argument, context)),
    node,
    argumentNodes,
    now: context.now,
  })
}

/** The first column of the first row. */
function translateToScalar(node: SyntaxNode, context: Context): Sql {
  const inner = node.node('Expression')
  if (!inner.isTabular) return translate(inner, context)
  const relation = translateTable(inner, context)
  const [first] = relation.columns
  if (!first) throw inner.semantic('A table without columns has no scalar value.')
  const sql = `(SELECT c0 FROM (${relation.finished}) LIMIT 1)`
  return first.type === 'string' ? { sql: `coalesce(${sql}, '')`, type: 'string' } : { sql, type: first.type }
}
