import type { Clock } from '@aduana/core/platform/clock';
import { every, type Repeating } from '@aduana/core/platform/every';
import { describeError, type Log } from '@aduana/core/platform/log';
import type { Tracer } from '@aduana/core/platform/tracer';
import type { HrTime } from '@opentelemetry/api';
import { ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer';
import { type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace';
import type { TelemetrySettings } from '../config/telemetry-settings.ts';
import type { ProcessMetrics } from '../platform/create-metrics.ts';
import { createTracer } from './create-tracer.ts';
import { openOtlpSender, type OtlpSender, type OtlpSignal } from './otlp-sender.ts';
import { createSampler } from './sampler.ts';
import { createSpanExporter } from './span-exporter.ts';
import { toResourceMetrics } from './to-resource-metrics.ts';

/** Traces and metrics of one process on their way to a collector. */
export interface Telemetry {
  tracerFor(service: string): Tracer;
  /** Sends what is left within a bounded time. */
  stop(): Promise<void>;
}

export interface TelemetryOptions {
  readonly settings: TelemetrySettings & { readonly INSTANCE: string };
  /** The services of this process. */
  readonly services: readonly string[];
  readonly metrics: ProcessMetrics;
  readonly clock: Clock;
  readonly log: Log;
}

/** Services of Aduana's own; any other is called by its id. */
const OWN: ReadonlySet<string> = new Set(['gateway', 'sts', 'audit', 'admin', 'console']);
const WHOLE_PROCESS = 'aduana';
/** Spans that wait while the collector is slow; those beyond them are dropped. */
const QUEUE = { maxQueueSize: 2_048, maxExportBatchSize: 512, exportTimeoutMillis: 15_000 };
const FLUSH_MS = 2_000;

/**
 * Opens the exporters; the collector need not be there, and no request ever waits for it.
 *
 * @throws ConfigurationError where the certificate of the collector cannot be read
 */
export function openTelemetry(options: TelemetryOptions): Telemetry {
  const { settings, services, clock } = options;
  const sender = openOtlpSender(settings, clock);
  const report = createReport(options);
  const exporter = createSpanExporter(sender, (dropped, error) => {
    report('traces', dropped, error);
  });
  const scheduledDelayMillis = settings.OTEL_BSP_SCHEDULE_DELAY;
  const processor = new BatchSpanProcessor({ exporter, scheduledDelayMillis, ...QUEUE });
  const samples = createSampler(settings);
  const [only] = services.length === 1 ? services : [];
  const resourceOf = (service: string | undefined): Resource =>
    resourceFromAttributes({
      'service.name': nameOf(service ?? only, only === undefined ? undefined : settings.OTEL_SERVICE_NAME),
      'service.instance.id': settings.INSTANCE,
    });
  const metrics = startMetricsExport(options, sender, resourceOf, report);
  return {
    tracerFor: (service) => createTracer(resourceOf(service), processor, samples),
    async stop() {
      metrics.wake();
      const flushed = Promise.allSettled([processor.shutdown(), metrics.stop()]);
      await Promise.race([flushed, clock.sleep(FLUSH_MS)]);
      await sender.close();
    },
  };
}

function nameOf(service: string | undefined, chosen: string | undefined): string {
  if (chosen !== undefined) return chosen;
  if (service === undefined) return WHOLE_PROCESS;
  return OWN.has(service) ? `aduana-${service}` : service;
}

type Report = (signal: OtlpSignal, dropped: number, error?: unknown) => void;

/** Logs once that the collector takes nothing, and once that it takes exports again. */
function createReport({ metrics, log }: TelemetryOptions): Report {
  const counter = metrics.counter('aduana_telemetry_dropped_total');
  const refused = new Set<OtlpSignal>();
  return (signal, dropped, error) => {
    if (error === undefined) {
      if (refused.delete(signal)) log.info('the collector takes telemetry again', { signal });
      return;
    }
    counter.inc({ signal }, dropped);
    const fields = { signal, error: describeError(error) };
    if (refused.has(signal)) log.debug('the collector does not take telemetry', fields);
    else log.warn('the collector does not take telemetry', fields);
    refused.add(signal);
  };
}

function startMetricsExport(
  { settings, metrics, clock, log }: TelemetryOptions,
  sender: OtlpSender,
  resourceOf: (service: string | undefined) => Resource,
  report: Report,
): Repeating {
  const startTime = toHrTime(clock.now());
  const exportOnce = async (): Promise<void> => {
    const times = { startTime, endTime: toHrTime(clock.now()) };
    for (const one of toResourceMetrics(await metrics.snapshot(), times, resourceOf))
      try {
        await sender.send('metrics', ProtobufMetricsSerializer.serializeRequest(one) ?? new Uint8Array());
        report('metrics', 0);
      } catch (error) {
        report('metrics', 1, error);
        return;
      }
  };
  return every(
    clock,
    () => settings.OTEL_METRIC_EXPORT_INTERVAL,
    exportOnce,
    (error) => {
      log.error('the metrics could not be exported', { error: describeError(error) });
    },
  );
}

function toHrTime(epochMilliseconds: number): HrTime {
  return [Math.floor(epochMilliseconds / 1000), (epochMilliseconds % 1000) * 1_000_000];
}
