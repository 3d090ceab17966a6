/** Metrics in Prometheus' text form: ours as Dapr names them, the process's own by prom-client. */
import { collectDefaultMetrics, Registry } from 'prom-client'
import type { MetricSeries, MetricSource } from './series.ts'

export interface Exposition {
  readonly contentType: string
  text(): Promise<string>
}

/** Metrics without a value are left out. */
export function createExposition(sources: readonly MetricSource[]): Exposition {
  const processes = new Registry()
  collectDefaultMetrics({ register: processes })
  return {
    contentType: processes.contentType,
    async text() {
      const series = sources.flatMap((source) => source.collect())
      return formatSeries(series) + (await processes.metrics())
    },
  }
}

/** Text form of series, in the order of their names. */
export function formatSeries(all: readonly MetricSeries[]): string {
  const ordered = [...all].sort((a, b) => (a.name < b.name ? -1 : 1))
  let text = ''
  for (const series of ordered) {
    const { name, help } = series
    if (!('histograms' in series)) {
      const [type, values] = 'gauges' in series ? ['gauge', series.gauges] : ['counter', series.counts]
      if (values.length === 0) continue
      text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`
      for (const { labels, value } of values) text += `${name}{${formatLabels(labels)}} ${value}\n`
      continue
    }
    if (series.histograms.length === 0) continue
    text += `# HELP ${name} ${help}\n# TYPE ${name} histogram\n`
    for (const { labels, value } of series.histograms) {
      const shown = formatLabels(labels)
      let total = 0
      value.bounds.forEach((bound, i) => {
        total += value.counts[i] ?? 0
        text += `${name}_bucket{${shown},le="${bound}"} ${total}\n`
      })
      text += `${name}_bucket{${shown},le="+Inf"} ${value.count}\n`
      text += `${name}_sum{${shown}} ${value.sum}\n${name}_count{${shown}} ${value.count}\n`
    }
  }
  return text
}

function formatLabels(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeLabel(value)}"`)
    .join(',')
}

function escapeLabel(value: string): string {
  return value.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`))
}
