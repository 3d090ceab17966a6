/**
 * Preloaded (`--import`) into every supervised process: ends it when its supervisor is gone, so that a killed
 * supervisor leaves no orphans.
 */
/** Longer than anything that is asked to stop takes; whoever still runs then is stuck. */
const graceMs = 15_000

function end(): void {
  process.kill(process.pid, 'SIGTERM')
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), graceMs).unref()
}

if (process.connected) {
  process.on('disconnect', end)
  process.channel?.unref()
} else if (process.connected === false) {
  // It was gone before this line ran. Without a supervisor from the start, `connected` is undefined.
  end()
}
