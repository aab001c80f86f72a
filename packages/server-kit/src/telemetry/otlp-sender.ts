import { readFileSync } from 'node:fs';
import { Agent, request } from 'undici';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import type { Clock } from '@aduana/core/platform/clock';
import { within } from '@aduana/core/platform/within';
import type { TelemetrySettings } from '../config/telemetry-settings.ts';

export type OtlpSignal = 'traces' | 'metrics';

/** OTLP over HTTP with protobuf: one bounded attempt for each export. */
export interface OtlpSender {
  /** @throws Error where the collector did not take it */
  send(signal: OtlpSignal, body: Uint8Array): Promise<void>;
  /** Ends what is under way. */
  close(): Promise<void>;
}

type SenderSettings = Pick<
  TelemetrySettings,
  'OTEL_EXPORTER_OTLP_ENDPOINT' | 'OTEL_EXPORTER_OTLP_HEADERS' | 'OTEL_EXPORTER_OTLP_CERTIFICATE'
>;

/** OpenTelemetry's own default. */
const DEADLINE_MS = 10_000;
/** For each signal one. */
const CONNECTIONS = 2;

/** @throws ConfigurationError where the certificate of the collector cannot be read */
export function openOtlpSender(settings: SenderSettings, clock: Clock): OtlpSender {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint = '', OTEL_EXPORTER_OTLP_CERTIFICATE: file } = settings;
  const base = endpoint.endsWith('/') ? endpoint : `${endpoint}/`;
  const headers = { ...settings.OTEL_EXPORTER_OTLP_HEADERS, 'content-type': 'application/x-protobuf' };
  const agent = new Agent({
    connections: CONNECTIONS,
    pipelining: 1,
    connect: file === undefined ? {} : { ca: readAuthorities(file) },
  });
  return {
    async send(signal, body) {
      const timeout = (): Error => new Error('the collector did not answer in time');
      await within(clock, DEADLINE_MS, timeout, async (abort) => {
        const answer = await request(new URL(`v1/${signal}`, base), {
          method: 'POST',
          headers,
          body,
          dispatcher: agent,
          signal: abort,
        });
        await answer.body.dump();
        if (answer.statusCode >= 300) throw new Error(`the collector answered ${String(answer.statusCode)}`);
      });
    },
    close: () => agent.destroy(),
  };
}

function readAuthorities(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    const subject = 'OTEL_EXPORTER_OTLP_CERTIFICATE';
    const remedy = `Correct ${subject}, or leave it away for a collector whose certificate Node trusts`;
    throw new ConfigurationError([{ subject, problem: 'the file cannot be read', remedy }], { cause });
  }
}
