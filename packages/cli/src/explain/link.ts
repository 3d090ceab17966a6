/** One link of a chain as a person sees it, with its mark, what was looked at, and what mends it. */
import { paint } from '../output.ts'

export interface PrintedLink {
  readonly name: string
  readonly state: 'holds' | 'fails'
  readonly detail: string
  readonly considered?: readonly string[] | undefined
  readonly mend?: readonly string[] | undefined
}

export function printLinks(links: readonly PrintedLink[]): void {
  for (const { name, state, detail, considered = [], mend = [] } of links) {
    const mark = state === 'holds' ? paint('green', '✓') : paint('red', '✗')
    const lines = [
      `${mark} ${paint('bold', name)}: ${detail}`,
      ...considered.map((line) => paint('dim', `    ${line}`)),
      ...mend.map((line) => `    ${paint('yellow', 'mend it:')} ${line}`),
    ]
    process.stdout.write(`${lines.join('\n')}\n`)
  }
  const failing = links.find(({ state }) => state === 'fails')
  process.stdout.write(
    failing === undefined
      ? `${paint('green', 'allowed')}\n`
      : `${paint('red', 'refused')}: the first link that fails is ${failing.name}\n`,
  )
}
