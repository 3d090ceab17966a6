/** What is wrong with a template, told as Resource Manager tells it. */

/** Where in the template, as the names and indexes that lead there. */
export type TemplatePath = readonly (string | number)[]

export class TemplateError extends Error {
  override readonly name = 'TemplateError'
  readonly path: TemplatePath | undefined
  readonly #tell: (at: string) => string

  /** `tell` is given ` at line 'L' and column 'C'`, or nothing when the place is not known. */
  constructor(tell: string | ((at: string) => string), path?: TemplatePath) {
    const telling = typeof tell === 'string' ? () => tell : tell
    super(telling(''))
    this.#tell = telling
    this.path = path
  }

  tellAt(at: string): string {
    return this.#tell(at)
  }
}

const help = (topic: string) => `Please see https://aka.ms/${topic} for usage details.`

const nameOf = (value: unknown): string => JSON.stringify(value)?.slice(0, 64) ?? 'undefined'

export const unparsable = (expression: string, reason: string) =>
  new TemplateError(`Unable to parse language expression '${expression.slice(0, 512)}': ${reason}`)

export const unknownFunction = (name: string) =>
  new TemplateError(`The template function '${name}' is not valid. ${help('arm-functions')}`)

export const wrongArgumentCount = (name: string, expected: string, actual: number) =>
  new TemplateError(
    `Unable to evaluate template language function '${name}': function requires ${expected} argument(s) while ${actual} were provided. ${help(`arm-functions/#${name}`)}`,
  )

export const wrongArgument = (name: string, expected: string, actual: string) =>
  new TemplateError(
    `The template language function '${name}' expects its parameter to be ${expected}. The provided value is of type '${actual}'. ${help(`arm-functions/#${name}`)}`,
  )

export const invalidArgument = (name: string, reason: string) =>
  new TemplateError(
    `Unable to evaluate template language function '${name}': ${reason}. ${help(`arm-functions/#${name}`)}`,
  )

export const functionNotAllowedHere = (name: string) =>
  new TemplateError(`The template function '${name}' is not expected at this location. ${help('arm-functions')}`)

export const parameterNotFound = (name: string) =>
  new TemplateError(`The template parameter '${name}' is not found. ${help('arm-syntax-parameters')}`)

export const variableNotFound = (name: string) =>
  new TemplateError(`The template variable '${name}' is not found. ${help('arm-syntax-variables')}`)

export const variableCycle = (name: string) =>
  new TemplateError(`Circular dependency detected on template variable '${name}'. ${help('arm-syntax-variables')}`, [
    'variables',
    name,
  ])

export const propertyNotFound = (property: string, available: readonly string[]) =>
  new TemplateError(
    `The language expression property '${property}' doesn't exist, available properties are '${available.slice(0, 32).join(', ')}'.`,
  )

export const indexOutOfBounds = (index: number) =>
  new TemplateError(`The language expression property array index '${index}' is out of bounds.`)

export const notIndexable = (property: string, type: string) =>
  new TemplateError(
    `The language expression property '${property}' can't be evaluated, property value is of type '${type}'.`,
  )

export const copyIndexNotAllowed = () =>
  new TemplateError(
    `The template function 'copyIndex' is not expected at this location. The function can only be used in a resource, property, variable or output with copy specified. ${help('arm-copy')}`,
  )

export const referenceNotFound = (name: string) =>
  new TemplateError(
    `The template reference '${name}' is not valid: could not find template resource or resource copy with this name. ${help('arm-function-reference')}`,
  )

export const evaluationTooLarge = () =>
  new TemplateError('The template language expression evaluation exceeds the limits of a deployment.')

export const missingParameter = (name: string) =>
  new TemplateError(
    (at) => `The value for the template parameter '${name}'${at} is not provided. ${help('arm-create-parameter-file')}`,
    ['parameters', name],
  )

export const unknownParameters = (names: readonly string[], known: readonly string[]) =>
  new TemplateError(
    `The template parameters '${names.join(', ')}' in the parameters file are not valid; they are not present in the original template and can therefore not be provided at deployment time. The only supported parameters for this template are '${known.join(', ')}'. ${help('arm-pass-parameter-values')}`,
  )

export const wrongParameterType = (name: string, expected: string, actual: string) =>
  new TemplateError(
    (at) =>
      `The value of the template parameter '${name}'${at} is not valid: Template parameter JToken type is not valid. Expected '${expected}'. Actual '${actual}'. ${help('arm-create-parameter-file')}`,
    ['parameters', name],
  )

export const parameterNotAllowed = (name: string, shown: string, allowed: readonly unknown[]) =>
  new TemplateError(
    (at) =>
      `The provided value for the template parameter '${name}'${at} is not valid. The value '${shown}' is not part of the allowed value(s): '${allowed.map((each) => (typeof each === 'string' ? each : nameOf(each))).join(',')}'.`,
    ['parameters', name],
  )

export const parameterOutOfBounds = (name: string, what: 'Value' | 'Length', than: 'greater' | 'less', limit: number) =>
  new TemplateError(
    (at) =>
      `The provided value for the template parameter '${name}'${at} is not valid. ${what === 'Length' ? 'Length of the value' : 'The value'} should be ${than} than or equal to '${limit}'. ${help('arm-syntax-parameters')}`,
    ['parameters', name],
  )

export const invalidMember = (what: string, reason: string, path: TemplatePath) =>
  new TemplateError((at) => `The template ${what}${at} is not valid: ${reason}. ${help('arm-syntax')}`, path)

export const invalidResource = (name: string, reason: string, path: TemplatePath) =>
  new TemplateError((at) => `The template resource '${name}'${at} is not valid: ${reason}`, path)

export const wrongSegments = (name: string, type: string, path: TemplatePath) =>
  new TemplateError(
    (at) =>
      `The template resource '${name}' for type '${type}'${at} has incorrect segment lengths. A nested resource type must have identical number of segments as its resource name. A root resource type must have segment length one greater than its resource name. ${help('arm-syntax-resources')}`,
    path,
  )

export const duplicateResource = (name: string, path: TemplatePath) =>
  new TemplateError(
    (at) => `The resource '${name}'${at} is defined multiple times in a template. ${help('arm-syntax-resources')}`,
    path,
  )

export const undefinedDependency = (name: string, path: TemplatePath) =>
  new TemplateError(`The resource '${name}' is not defined in the template. ${help('arm-syntax')}`, path)

export const circularDependency = (id: string, path: TemplatePath) =>
  new TemplateError(`Circular dependency detected on resource: '${id}'. ${help('arm-syntax-resources')}`, path)

export const invalidCopyCount = (limit: number, path: TemplatePath) =>
  new TemplateError(
    (at) =>
      `The template 'copy' definition${at} has an invalid copy count. The copy count must be a positive integer value and cannot exceed '${limit}'. ${help('arm-resource-loops')}`,
    path,
  )

export const tooMany = (what: string, limit: number, actual: number) =>
  new TemplateError(
    `The number of template ${what} limit exceeded. Limit: '${limit}' and actual: '${actual}'. ${help('arm-syntax')}`,
  )

export const wrongOutputType = (name: string, expected: string, actual: string) =>
  new TemplateError(
    (at) =>
      `The value of the template output '${name}'${at} is not valid: Template output JToken type is not valid. Expected '${expected}'. Actual '${actual}'. ${help('arm-outputs')}`,
    ['outputs', name],
  )

/** An error met while the expressions of a resource were evaluated. */
export const inResource = (id: string, path: TemplatePath, inner: TemplateError) =>
  new TemplateError(
    (at) => `Unable to process template language expressions for resource '${id}'${at}. '${inner.message}'`,
    path,
  )

/** An error met while another part of the template was evaluated. */
export const inTemplate = (what: string, path: TemplatePath, inner: TemplateError) =>
  inner.path !== undefined
    ? inner
    : new TemplateError((at) => `The template ${what}${at} is not valid: ${inner.message}`, path)
