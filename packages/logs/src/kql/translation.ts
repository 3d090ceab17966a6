/** A query as SQL: its statements, and its pipes of operators. */
import type { Context, Environment, Translator } from './context.ts'
import { convert } from './conversion.ts'
import { translateScalar } from './expressions.ts'
import { KustoParser } from './kusto.ts'
import { join, lookup } from './operators/join.ts'
import { mvExpand } from './operators/mv-expand.ts'
import { parse } from './operators/parse.ts'
import { distinct, extend, project, rename, selectColumns } from './operators/projections.ts'
import { count, sort, take, top, where } from './operators/rows.ts'
import { summarize } from './operators/summarize.ts'
import { type UnionPart, union } from './operators/union.ts'
import { Relation, type TableSource, type TimeRange } from './relation.ts'
import type { Sql } from './sql.ts'
import { bindStatements } from './statements.ts'
import type { SyntaxNode } from './syntax-node.ts'
import type { Column } from './types.ts'
import { bindParameters } from './user-functions.ts'

export interface TranslatedQuery {
  /** A SELECT whose columns are c0, c1, ... */
  readonly sql: string
  readonly columns: readonly Column[]
  /** What `render` asks a client to draw, e.g. `timechart`. */
  readonly render: string | undefined
}

type Operator = (node: SyntaxNode, input: Relation, context: Context) => Relation

const operators: Readonly<Record<string, Operator>> = {
  FilterOperator: where,
  ProjectOperator: project,
  ProjectAwayOperator: selectColumns,
  ProjectKeepOperator: selectColumns,
  ProjectReorderOperator: selectColumns,
  ProjectRenameOperator: rename,
  ExtendOperator: extend,
  SummarizeOperator: summarize,
  SortOperator: sort,
  TopOperator: top,
  TakeOperator: take,
  CountOperator: count,
  DistinctOperator: distinct,
  JoinOperator: join,
  LookupOperator: lookup,
  ParseOperator: parse,
  ParseWhereOperator: parse,
  MvExpandOperator: mvExpand,
}

/** Translates queries over the tables that it was made for. */
export class QueryTranslator {
  readonly #parser: KustoParser
  readonly #sources: ReadonlyMap<string, TableSource>

  constructor(sources: readonly TableSource[]) {
    this.#parser = new KustoParser(sources)
    this.#sources = new Map(sources.map((source) => [source.name, source]))
  }

  /** @param now Ticks. @param range Of all stored tables. Throws {@link KqlError}. */
  translate(query: string, now: bigint, range?: TimeRange): TranslatedQuery {
    const statements = this.#parser.parse(query).list('Statements')
    const last = statements.at(-1)
    if (last?.class !== 'ExpressionStatement') {
      throw (last ?? this.#parser.parse('print 1')).semantic('A query ends with an expression that gives a table.')
    }
    const translator = new QueryParts(this.#sources, now, range)
    const environment = bindStatements(statements.slice(0, -1), new Map(), { translator, now })
    const expression = last.node('Expression')
    const { source, render } = withoutRender(expression)
    const relation = translator.table(source, environment)
    return { sql: relation.finished, columns: relation.columns, render }
  }
}

/** `render` is for the client: only the last operator can be one. */
function withoutRender(node: SyntaxNode): { readonly source: SyntaxNode; readonly render: string | undefined } {
  if (node.class !== 'PipeExpression') return { source: node, render: undefined }
  const operator = node.node('Operator')
  if (operator.class !== 'RenderOperator') return { source: node, render: undefined }
  return { source: node.node('Expression'), render: operator.token('ChartType') }
}

class QueryParts implements Translator {
  readonly #sources: ReadonlyMap<string, TableSource>
  readonly #now: bigint
  readonly #timeRange: TimeRange | undefined

  constructor(sources: ReadonlyMap<string, TableSource>, now: bigint, range: TimeRange | undefined) {
    this.#sources = sources
    this.#now = now
    this.#timeRange = range
  }

  table(node: SyntaxNode, environment: Environment): Relation {
    switch (node.class) {
      case 'PipeExpression':
        return this.#pipe(node, environment)
      case 'ParenthesizedExpression':
      case 'MaterializeExpression':
      case 'ToTableExpression':
        return this.table(node.node('Expression'), environment)
      case 'NameReference':
        return this.#named(node, environment)
      case 'FunctionCallExpression':
        return this.#call(node, environment)
      case 'UnionOperator':
        return this.#union(node, undefined, environment)
      case 'PrintOperator':
        return this.#print(node, environment)
      case 'RangeOperator':
        return this.#range(node, environment)
      case 'DataTableExpression':
        return this.#dataTable(node, environment)
      default:
        throw node.unsupported(`This source of rows (${node.class.replace(/(Operator|Expression)$/, '')})`)
    }
  }

  scalar(node: SyntaxNode, context: Context): Sql {
    return translateScalar(node, context)
  }

  #context(environment: Environment, input?: Relation): Context {
    return { environment, translator: this, now: this.#now, column: (name) => input?.column(name) }
  }

  #pipe(node: SyntaxNode, environment: Environment): Relation {
    const input = this.table(node.node('Expression'), environment)
    const operator = node.node('Operator')
    if (operator.class === 'UnionOperator') return this.#union(operator, input, environment)
    const apply = operators[operator.class]
    if (!apply) throw operator.unsupported(`The operator ${operator.class.replace(/Operator$/, '')}`)
    return apply(operator, input, this.#context(environment, input))
  }

  #named(node: SyntaxNode, environment: Environment): Relation {
    const { name } = node
    const binding = environment.get(name)
    if (binding?.kind === 'table') return binding.relation
    const source = this.#sources.get(name)
    if (!source) throw node.semantic(`'${name}' is not a table.`)
    return Relation.scan(source, this.#timeRange)
  }

  #call(node: SyntaxNode, environment: Environment): Relation {
    const name = node.node('Name').name
    const bound = environment.get(name)
    if (bound?.kind !== 'function') throw node.unsupported(`The function ${name}() as a table`)
    const called = bindParameters(bound, node.node('ArgumentList').list('Expressions'), this.#context(environment))
    return this.table(called.body, called.environment)
  }

  #union(node: SyntaxNode, first: Relation | undefined, environment: Environment): Relation {
    const parts: UnionPart[] = node.list('Expressions').map((part, index) => ({
      relation: this.table(part, environment),
      name: part.class === 'NameReference' ? part.name : `union_arg${first ? index + 1 : index}`,
    }))
    if (first) parts.unshift({ relation: first, name: 'union_arg0' })
    return union(node, parts)
  }

  #print(node: SyntaxNode, environment: Environment): Relation {
    const { columns } = node
    const context = this.#context(environment)
    const values = node.list('Expressions').map((expression, index) => {
      const value = translateScalar(expression, context)
      return `${convert(value, columns[index]?.type ?? value.type).sql} AS c${index}`
    })
    return Relation.of(columns, `SELECT ${values.join(', ')}`)
  }

  /** Both ends included. */
  #range(node: SyntaxNode, environment: Environment): Relation {
    const context = this.#context(environment)
    const { columns } = node
    const type = columns[0]?.type ?? 'long'
    const [from, to] = [node.node('From'), node.node('To')].map(
      (end) => convert(translateScalar(end, context), type).sql,
    )
    const step = translateScalar(node.node('Step'), context).sql
    const ascending = `${step} > 0 AND c0 + ${step} <= ${to}`
    const descending = `${step} < 0 AND c0 + ${step} >= ${to}`
    const starts = `(${step} > 0 AND ${from} <= ${to}) OR (${step} < 0 AND ${from} >= ${to})`
    const rows = `WITH RECURSIVE steps(c0) AS (SELECT ${from} WHERE ${starts} UNION ALL SELECT c0 + ${step} FROM steps WHERE (${ascending}) OR (${descending}))`
    return Relation.of(columns, `${rows} SELECT c0 FROM steps`)
  }

  #dataTable(node: SyntaxNode, environment: Environment): Relation {
    const { columns } = node
    const context = this.#context(environment)
    const values = node
      .list('Values')
      .map(
        (value, index) =>
          convert(translateScalar(value, context), columns[index % columns.length]?.type ?? 'string').sql,
      )
    const rows: string[] = []
    for (let index = 0; index < values.length; index += columns.length) {
      rows.push(`(${values.slice(index, index + columns.length).join(', ')})`)
    }
    const names = columns.map((_, index) => `column${index + 1} AS c${index}`).join(', ')
    if (rows.length > 0) return Relation.of(columns, `SELECT ${names} FROM (VALUES ${rows.join(', ')})`)
    return Relation.of(columns, `SELECT ${columns.map((_, index) => `NULL AS c${index}`).join(', ')} WHERE 0`)
  }
}
