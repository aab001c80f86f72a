import type { Clock } from '@aduana/core/platform/clock';
import { createElasticSink } from './elastic-sink.ts';
import { createFileSink } from './file-sink.ts';
import { createOtlpSink } from './otlp-sink.ts';
import { createRelpSink } from './relp-sink.ts';
import type { Sink } from './sink.ts';
import type { SinkSettings } from './sink-settings.ts';
import { createSplunkSink } from './splunk-sink.ts';
import { createSyslogSink } from './syslog-sink.ts';

/** @param host the name under which this service sends */
export function createSink(settings: SinkSettings, host: string, clock: Clock): Sink {
  switch (settings.kind) {
    case 'syslog_tls':
      return createSyslogSink(settings, host, clock);
    case 'relp_tls':
      return createRelpSink(settings, host, clock);
    case 'splunk_hec':
      return createSplunkSink(settings, clock);
    case 'elastic_bulk':
      return createElasticSink(settings, clock);
    case 'otlp_http':
      return createOtlpSink(settings, clock);
    case 'file':
      return createFileSink(settings);
  }
}
