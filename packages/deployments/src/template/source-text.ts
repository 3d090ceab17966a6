/** The text of a request with a template in it: JSON with comments, whose places are told in errors. */
import { invalidRequestContent } from '@keystead/resource-manager'
import { createScanner, findNodeAtLocation, getNodeValue, type Node, type ParseError, parseTree } from 'jsonc-parser'
import type { TemplatePath } from '../template-error.ts'

const maxDepth = 128

export class SourceText {
  readonly #text: string
  readonly #root: Node

  /** Throws ArmError 400 for what is no JSON. */
  constructor(written: string) {
    this.#text = withQuotedNames(written)
    const errors: ParseError[] = []
    const root = parseTree(this.#text, errors, { allowTrailingComma: true })
    const [first] = errors
    if (root === undefined || first !== undefined) {
      const [line, column] = lineAndColumn(this.#text, first?.offset ?? 0)
      throw invalidRequestContent(
        `Unexpected character encountered while parsing value. Path '', line ${line}, position ${column}.`,
      )
    }
    this.#root = root
  }

  value(): unknown {
    return getNodeValue(this.#root) as unknown
  }

  /** ` at line 'L' and column 'C'` of a part of the template, counted in the template; of what it would be in, when it is not there. */
  whereInTemplate(path: TemplatePath): string {
    const template = findNodeAtLocation(this.#root, ['properties', 'template'])
    if (template === undefined || path.length === 0) return ''
    const node = findNodeAtLocation(template, [...path])
    if (node === undefined) return this.whereInTemplate(path.slice(0, -1))
    const [line, column] = lineAndColumn(this.#text.slice(template.offset), node.offset - template.offset)
    return ` at line '${line}' and column '${column}'`
  }
}

/** az splices a template's own text into its request after a name without quotes, which Resource Manager takes. */
function withQuotedNames(text: string): string {
  // Without comments and white space.
  const scanner = createScanner(text, true)
  let written = ''
  let copied = 0
  let depth = 0
  let bare: { readonly from: number; readonly to: number } | undefined
  for (;;) {
    scanner.scan()
    const from = scanner.getTokenOffset()
    const to = from + scanner.getTokenLength()
    if (from >= text.length) return written + text.slice(copied)
    const token = text.slice(from, to)
    if (token === ':' && bare !== undefined) {
      written += `${text.slice(copied, bare.from)}"${text.slice(bare.from, bare.to)}"`
      copied = bare.to
    }
    if (token === '{' || token === '[') depth += 1
    if (token === '}' || token === ']') depth -= 1
    if (depth > maxDepth) throw invalidRequestContent(`The content nests deeper than ${maxDepth} levels.`)
    bare = /^[A-Za-z_]\w*$/.test(token) ? { from, to } : undefined
  }
}

function lineAndColumn(text: string, offset: number): [number, number] {
  const lines = text.slice(0, offset).split('\n')
  return [lines.length, (lines.at(-1)?.length ?? 0) + 1]
}
