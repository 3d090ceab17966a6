/** What a browser does with the sign-in pages, without one: keeps the cookie, fills in the form, follows nothing. */
export interface Shown {
  readonly status: number
  readonly html: string
  readonly location: string | null
  readonly headers: Headers
}

export class TestBrowser {
  readonly #base: string
  #cookie: string | undefined

  constructor(base: string) {
    this.#base = base
  }

  async open(path: string, init: RequestInit = {}): Promise<Shown> {
    const response = await fetch(`${this.#base}${path}`, {
      redirect: 'manual',
      ...init,
      headers: { ...(this.#cookie === undefined ? {} : { cookie: this.#cookie }), ...init.headers },
    })
    const set = response.headers.get('set-cookie')
    if (set !== null) this.#cookie = set.split(';')[0]
    return {
      status: response.status,
      html: await response.text(),
      location: response.headers.get('location'),
      headers: response.headers,
    }
  }

  /** Sends the page's form: its hidden fields with what was typed. */
  submit(page: Shown, typed: Readonly<Record<string, string>>, headers: Record<string, string> = {}): Promise<Shown> {
    const { action, fields } = formOf(page.html)
    return this.open(action, { method: 'POST', body: new URLSearchParams({ ...fields, ...typed }), headers })
  }
}

export function formOf(html: string): { action: string; fields: Record<string, string> } {
  const action = /<form method="post" action="([^"]+)"/.exec(html)?.[1]
  if (action === undefined) throw new Error(`There is no form in ${html}`)
  const fields: Record<string, string> = {}
  for (const [, name, value] of html.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)) {
    if (name !== undefined && value !== undefined) fields[name] = unescaped(value)
  }
  return { action: unescaped(action), fields }
}

function unescaped(text: string): string {
  return text.replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
}
