/**
 * Preloaded (`--import`) into every supervised process: ends it when its supervisor is gone, so that a killed
 * supervisor leaves no orphans.
 */
if (process.channel) {
  process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'))
  process.channel.unref()
}
