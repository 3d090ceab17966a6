/** What every process of the machine was started with, seen again and again while a test runs. */
import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { Place } from './search.ts'

/** Short enough that a command which starts a Node is seen. */
const everyMs = 20

export class ProcessArguments {
  readonly #seen = new Set<string>()
  #timer: NodeJS.Timeout | undefined

  watch(): void {
    let looking = false
    this.#timer = setInterval(() => {
      if (looking) return
      looking = true
      this.#look().finally(() => {
        looking = false
      })
    }, everyMs)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  places(): readonly Place[] {
    return Array.from(this.#seen, (command) => ({
      name: `arguments of ${command.slice(0, 80)}`,
      content: Buffer.from(command, 'latin1'),
    }))
  }

  async #look(): Promise<void> {
    for (const command of process.platform === 'linux' ? await fromProc() : await fromPs()) this.#seen.add(command)
  }
}

/** One character for each byte. */
async function fromProc(): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  // A process that has ended by now has no arguments any more.
  return await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')))
}

async function fromPs(): Promise<readonly string[]> {
  const { stdout } = await promisify(execFile)('ps', ['-axww', '-o', 'args='], { encoding: 'latin1' })
  return stdout.split('\n')
}
