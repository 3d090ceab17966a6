/** Words a service's refusal as Go's azcore does (`exported.ResponseError.Error()`), because Dapr's logs and answers carry that text. */
import { indentJson } from '../go/json-indent.ts'

/** One HTTP response of an Azure service, as it was on the wire. */
export interface WireResponse {
  readonly method: string
  /** With its query, which no text shows. */
  readonly url: string
  readonly status: number
  /** The reason phrase that was sent, e.g. `The specified blob does not exist.` */
  readonly reason: string
  /** The `x-ms-error-code` header. */
  readonly errorCode: string | undefined
  readonly body: string
}

export const separator = '-'.repeat(80)

/** The text of `azcore.ResponseError`, which ends with a newline. */
export function formatResponseError(response: WireResponse): string {
  const code = errorCodeOf(response)
  return [
    requestLine(response),
    separator,
    `RESPONSE ${response.status}: ${response.status} ${response.reason}`,
    code === '' ? 'ERROR CODE UNAVAILABLE' : `ERROR CODE: ${code}`,
    separator,
    response.body === '' ? 'Response contained no body' : prettyBody(response.body),
    separator,
    '',
  ].join('\n')
}

/** Method and URL without query, the path decoded as Go's `URL.Path` is. */
export function requestLine(response: Pick<WireResponse, 'method' | 'url'>): string {
  return `${response.method} ${requestUrl(response)}`
}

/** The URL as texts show it: without its query. */
export function requestUrl({ url }: Pick<WireResponse, 'url'>): string {
  const { protocol, host, pathname } = new URL(url)
  return `${protocol}//${host}${decodePath(pathname)}`
}

/** Indented when it is JSON, else exactly as it was sent. */
export function prettyBody(body: string): string {
  return indentJson(body) ?? body
}

/** The service's own error code: from the header, else from a JSON body, else from an XML one; empty when it sent none. */
export function errorCodeOf({ errorCode, body }: Pick<WireResponse, 'errorCode' | 'body'>): string {
  return errorCode || jsonErrorCode(body) || xmlErrorCode(body)
}

function jsonErrorCode(body: string): string {
  let content: unknown
  try {
    content = JSON.parse(body)
  } catch {
    return ''
  }
  if (!isObject(content)) return ''
  const wrapper = ['error', 'odata.error'].find((name) => Object.hasOwn(content, name))
  const error = wrapper === undefined ? content : content[wrapper]
  return isObject(error) && typeof error.code === 'string' ? error.code : ''
}

function xmlErrorCode(body: string): string {
  return /<(?:\w+:)?[c|C]ode>[\t\n\f\r ]*(\w+)[\t\n\f\r ]*<\/(?:\w+:)?[c|C]ode>/.exec(body)?.[1] ?? ''
}

function decodePath(pathname: string): string {
  try {
    return decodeURIComponent(pathname)
  } catch {
    return pathname
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
