/** Writing to a standard stream at once, without the stream object that Node makes for it on first use. */
import { writeSync } from 'node:fs'

type Stream = 'stdout' | 'stderr'
const descriptors: Readonly<Record<Stream, number>> = { stdout: 1, stderr: 2 }

// What a shell reports for a program that ended by SIGPIPE, as Go's do.
const brokenPipe = 141

/**
 * A function that writes text to the stream. Where whoever reads it has made it non-blocking and lags behind, Node's
 * own stream takes over and keeps what does not fit yet. `exit` ends the process when nobody reads any more.
 */
export function writerTo(stream: Stream, exit: (code: number) => never): (text: string) => void {
  let buffered = false
  return (text) => {
    if (buffered) {
      process[stream].write(text)
      return
    }
    let rest = Buffer.from(text)
    try {
      while (rest.length > 0) rest = rest.subarray(writeSync(descriptors[stream], rest))
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      if (code === 'EPIPE') exit(brokenPipe)
      if (code !== 'EAGAIN') throw error
      buffered = true
      process[stream].on('error', () => exit(brokenPipe)).write(rest)
    }
  }
}
