/** Go's `time.Duration` texts, which the components read as well. */
export { formatGoDuration, parseGoDuration } from '@keystead/components'
