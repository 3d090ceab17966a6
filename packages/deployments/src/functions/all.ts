/** Every template function by its name in lower case. Source: "ARM template functions". */
import type { TemplateFunction } from '../expression/function.ts'
import { arrayFunctions } from './arrays.ts'
import { cidrFunctions } from './cidr.ts'
import { dateFunctions } from './dates.ts'
import { deploymentFunctions } from './deployment.ts'
import { lambdaFunctions } from './lambdas.ts'
import { logicalFunctions } from './logical.ts'
import { numericFunctions } from './numeric.ts'
import { objectFunctions } from './objects.ts'
import { resourceFunctions } from './resources.ts'
import { stringFunctions } from './strings.ts'

const tables = [
  arrayFunctions,
  cidrFunctions,
  dateFunctions,
  deploymentFunctions,
  lambdaFunctions,
  logicalFunctions,
  numericFunctions,
  objectFunctions,
  resourceFunctions,
  stringFunctions,
]

export const templateFunctions: ReadonlyMap<string, TemplateFunction> = new Map(
  tables.flatMap((table) => Object.entries(table).map(([name, each]) => [name.toLowerCase(), each] as const)),
)
