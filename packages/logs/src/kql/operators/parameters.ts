/** `name=value` between an operator's keyword and what it works on. */
import type { SyntaxNode } from '../syntax-node.ts'

/** Hints (`hint.strategy=...`) change nothing in what comes out. */
export function namedParameter(node: SyntaxNode, name: string): string | undefined {
  const parameter = node.list('Parameters').find((one) => one.node('Name').name === name)
  if (!parameter) return undefined
  const value = parameter.node('Expression')
  return value.class === 'LiteralExpression' ? value.token('Token') : value.name
}

/** Throws {@link KqlError} for a parameter that is neither a hint nor one of those. */
export function onlyParameters(node: SyntaxNode, names: readonly string[]): void {
  for (const parameter of node.list('Parameters')) {
    const { name } = parameter.node('Name')
    if (!names.includes(name) && !name.startsWith('hint.')) throw parameter.unsupported(`The parameter ${name}`)
  }
}
