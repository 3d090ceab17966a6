/** The pages that a person signs in on: plain HTML that needs no script, in the colours that the person prefers. */
import { hash } from 'node:crypto'

/** Text made safe for HTML, in content as in quoted attributes. */
function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

const style = `
:root { color-scheme: light dark; --accent: #0b57d0; --on-accent: #fff; --error: #b3261e; --line: #767676; }
@media (prefers-color-scheme: dark) { :root { --accent: #a8c7fa; --on-accent: #062e6f; --error: #f2b8b5; --line: #9a9a9a; } }
* { box-sizing: border-box; }
body { margin: 0; font: 1.0625rem/1.5 system-ui, sans-serif; }
main { max-width: 26rem; margin: 0 auto; padding: 2rem 1.25rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1rem; }
label { display: block; margin: 1rem 0 .25rem; font-weight: 600; }
input { width: 100%; font: inherit; padding: .6rem .7rem; border: 1px solid var(--line); border-radius: .4rem; }
button { font: inherit; min-height: 2.75rem; padding: .5rem 1.25rem; margin: 1.5rem .5rem 0 0; border-radius: .4rem; border: 1px solid var(--accent); cursor: pointer; }
button.main { background: var(--accent); color: var(--on-accent); font-weight: 600; }
button.other { background: transparent; color: inherit; }
input:focus-visible, button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.error { border-left: .25rem solid var(--error); color: var(--error); padding: .25rem .75rem; margin: 0 0 1rem; }
.code { font: 600 1.5rem ui-monospace, monospace; letter-spacing: .15em; }
.small { font-size: .875rem; }
`
const styleHash = hash('sha256', style, 'base64')
const submit = 'document.forms[0].submit()'
const submitHash = hash('sha256', submit, 'base64')

export interface Page {
  readonly title: string
  readonly body: string
  /** Where the page's form leads besides to us: an application's redirect URI. */
  readonly formTarget?: string
  /** Whether the form is sent by itself. */
  readonly sendsItself?: boolean
}

export function renderPage({ title, body, sendsItself }: Page): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)} - Keystead</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escaped(title)}</h1>
${body}
</main>
${sendsItself ? `<script>${submit}</script>\n` : ''}</body>
</html>
`
}

/** Nothing but the page's own style and, where a form sends itself, that one line of script; in no frame. */
export function pageHeaders({ formTarget, sendsItself }: Page): Record<string, string> {
  const target = formTarget && URL.canParse(formTarget) ? ` ${new URL(formTarget).origin}` : ''
  return {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    pragma: 'no-cache',
    'content-security-policy': [
      "default-src 'none'",
      `style-src 'sha256-${styleHash}'`,
      ...(sendsItself ? [`script-src 'sha256-${submitHash}'`] : []),
      `form-action 'self'${target}`,
      "frame-ancestors 'none'",
      "base-uri 'none'",
    ].join('; '),
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
  }
}

function errorLine(error: string | undefined): string {
  return error === undefined ? '' : `<p class="error" id="error" role="alert">${escaped(error)}</p>\n`
}

/** An input that says what is wrong with it, focused first when it is the first to fill in. */
function field(options: {
  readonly name: string
  readonly label: string
  readonly type: 'text' | 'email' | 'password'
  readonly autocomplete: string
  readonly value?: string
  readonly focus?: boolean
  readonly invalid?: boolean
}): string {
  const { name, label, type, autocomplete, value } = options
  const attributes = [
    `id="${name}"`,
    `name="${name}"`,
    `type="${type}"`,
    `autocomplete="${autocomplete}"`,
    'required',
    ...(value === undefined ? [] : [`value="${escaped(value)}"`]),
    ...(options.focus ? ['autofocus'] : []),
    ...(options.invalid ? ['aria-invalid="true"', 'aria-describedby="error"'] : []),
    ...(type === 'password' ? [] : ['autocapitalize="none"', 'spellcheck="false"']),
  ]
  return `<label for="${name}">${escaped(label)}</label>\n<input ${attributes.join(' ')}>`
}

const hidden = (name: string, value: string) => `<input type="hidden" name="${name}" value="${escaped(value)}">`

export interface SignInPage {
  readonly transaction: string
  readonly clientName: string
  readonly userName?: string
  readonly error?: string
  /** Of a device that waits: it is named, and can be refused. */
  readonly userCode?: string
  readonly redirectUri?: string
}

export function signInPage(options: SignInPage): Page {
  const { transaction, clientName, userName, error, userCode } = options
  const about =
    userCode === undefined
      ? `<p>to continue to <strong>${escaped(clientName)}</strong></p>`
      : `<p>You are signing in to <strong>${escaped(clientName)}</strong> on another device, which shows the code
<strong>${escaped(userCode)}</strong>. Do not continue if you did not start that yourself.</p>`
  const known = userName !== undefined && userName !== ''
  return {
    title: 'Sign in',
    ...(options.redirectUri === undefined ? {} : { formTarget: options.redirectUri }),
    body: `${about}
${errorLine(error)}<form method="post" action="/common/login">
${hidden('transaction', transaction)}
${field({
  name: 'username',
  label: 'User name',
  type: 'text',
  autocomplete: 'username',
  focus: !known,
  invalid: error !== undefined,
  ...(known ? { value: userName } : {}),
})}
${field({
  name: 'password',
  label: 'Password',
  type: 'password',
  autocomplete: 'current-password',
  focus: known,
  invalid: error !== undefined,
})}
<button class="main" name="do" value="signin">Sign in</button>
<button class="other" name="do" value="cancel" formnovalidate>Cancel</button>
</form>
<p class="small">A user of this Keystead cloud, for example alice@example.com. Your Azure password is not asked for.</p>`,
  }
}

export function newPasswordPage(options: {
  readonly transaction: string
  readonly error?: string
  readonly redirectUri?: string
}): Page {
  const invalid = options.error !== undefined
  return {
    title: 'Choose a new password',
    ...(options.redirectUri === undefined ? {} : { formTarget: options.redirectUri }),
    body: `<p>The password that you were given has to be changed before you go on.</p>
${errorLine(options.error)}<form method="post" action="/common/login">
${hidden('transaction', options.transaction)}
${field({ name: 'new_password', label: 'New password', type: 'password', autocomplete: 'new-password', focus: true, invalid })}
${field({ name: 'new_password_again', label: 'The new password again', type: 'password', autocomplete: 'new-password', invalid })}
<button class="main" name="do" value="change">Change and sign in</button>
<button class="other" name="do" value="cancel" formnovalidate>Cancel</button>
</form>
<p class="small">8 to 256 characters, with three of: lower case, upper case, digits, other characters.</p>`,
  }
}

export function devicePage(options: { readonly transaction: string; readonly error?: string }): Page {
  return {
    title: 'Enter the code',
    body: `<p>Enter the code that your app or device shows.</p>
${errorLine(options.error)}<form method="post" action="/device">
${hidden('transaction', options.transaction)}
${field({
  name: 'user_code',
  label: 'Code',
  type: 'text',
  autocomplete: 'one-time-code',
  focus: true,
  invalid: options.error !== undefined,
})}
<button class="main">Next</button>
</form>`,
  }
}

export function messagePage(title: string, message: string, error = false): Page {
  return { title, body: error ? errorLine(message) : `<p>${escaped(message)}</p>` }
}

/** `response_mode=form_post` (OAuth 2.0 Form Post Response Mode). */
export function formPostPage(redirectUri: string, parameters: URLSearchParams): Page {
  return {
    title: 'Signing in',
    formTarget: redirectUri,
    sendsItself: true,
    body: `<form method="post" action="${escaped(redirectUri)}">
${[...parameters].map(([name, value]) => hidden(escaped(name), value)).join('\n')}
<p>If nothing happens, go on yourself.</p>
<button class="main">Continue</button>
</form>`,
  }
}
