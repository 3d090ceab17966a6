/** A person's browser: a real Chromium without a window, a fresh profile, and the local authority as its own way of trust. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import type { TestCloud } from './cloud.ts'

const run = promisify(execFile)

/** The browser that the test runner installed. */
function chromiumCommand(): string {
  const { KEYSTEAD_CHROMIUM } = process.env
  if (!KEYSTEAD_CHROMIUM) {
    throw new Error('KEYSTEAD_CHROMIUM is not set: run `npm test`, or set it to "$(sh scripts/install-chromium.sh)".')
  }
  return KEYSTEAD_CHROMIUM
}

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export class Browser implements AsyncDisposable {
  readonly #home: string
  readonly #context: BrowserContext

  private constructor(home: string, context: BrowserContext) {
    this.#home = home
    this.#context = context
  }

  /** Trusts the cloud's authority as a person would have it do, by the user's own list; it is told of no proxy. */
  static async start(cloud: TestCloud): Promise<Browser> {
    const home = await mkdtemp(join(tmpdir(), 'keystead-browser-'))
    const trusted = join(home, '.pki/nssdb')
    await mkdir(trusted, { recursive: true })
    await run('certutil', ['-N', '-d', `sql:${trusted}`, '--empty-password'])
    const authority = join(cloud.dataDirectory, 'ca/ca.pem')
    await run('certutil', ['-A', '-d', `sql:${trusted}`, '-n', 'keystead', '-t', 'C,,', '-i', authority])
    const { PATH = '' } = process.env
    const context = await chromium.launchPersistentContext(join(home, 'profile'), {
      executablePath: chromiumCommand(),
      headless: true,
      args: flags,
      env: { PATH, HOME: home, LANG: 'C.UTF-8' },
      viewport: { width: 1280, height: 800 },
    })
    return new Browser(home, context)
  }

  async open(url: string, size?: { readonly width: number; readonly height: number }): Promise<Page> {
    const page = await this.#context.newPage()
    if (size) await page.setViewportSize(size)
    await page.goto(url)
    return page
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#context.close()
    await rm(this.#home, { recursive: true, force: true })
  }
}
