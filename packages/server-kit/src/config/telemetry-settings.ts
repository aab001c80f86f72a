import { z } from 'zod';
import { choice, count, url } from './variable.ts';

const PAIR = /^[^\s=,;]+=[^,]*$/;

/** OpenTelemetry's own variables, as its specification defines them; nothing is exported unless an endpoint is set. */
export const TELEMETRY_SETTINGS = {
  OTEL_EXPORTER_OTLP_ENDPOINT: url(['http:', 'https:']),
  /** Never logged: it may hold a token. */
  OTEL_EXPORTER_OTLP_HEADERS: z
    .string()
    .transform((text) =>
      text
        .split(',')
        .map((pair) => pair.trim())
        .filter((pair) => pair !== ''),
    )
    .refine((parts) => parts.every(isHeader), 'is no list such as `name=value,name=value`')
    .transform((parts): Readonly<Record<string, string>> => Object.fromEntries(parts.map(toHeader)))
    .optional(),
  OTEL_EXPORTER_OTLP_PROTOCOL: choice(['http/protobuf'], 'http/protobuf'),
  /** The CA of the collector, where it is none that Node trusts. */
  OTEL_EXPORTER_OTLP_CERTIFICATE: z.string().optional(),
  OTEL_SERVICE_NAME: z.string().max(255, 'is longer than 255 characters').optional(),
  OTEL_TRACES_SAMPLER: choice(
    [
      'parentbased_always_on',
      'parentbased_always_off',
      'parentbased_traceidratio',
      'always_on',
      'always_off',
      'traceidratio',
    ],
    'parentbased_always_on',
  ),
  OTEL_TRACES_SAMPLER_ARG: z
    .string()
    .regex(/^(0|1|0?\.\d{1,12}|1\.0{1,12}|0\.\d{1,12})$/, 'is no number between 0 and 1')
    .transform(Number)
    .default(1),
  OTEL_BSP_SCHEDULE_DELAY: count(5_000),
  OTEL_METRIC_EXPORT_INTERVAL: count(60_000),
  OTEL_SDK_DISABLED: z
    .string()
    .transform((value) => value.toLowerCase() === 'true')
    .default(false),
} as const;

export type TelemetrySettings = z.output<z.ZodObject<typeof TELEMETRY_SETTINGS>>;

function isHeader(pair: string): boolean {
  try {
    return PAIR.test(pair) && /^[\t\x20-\x7e]*$/.test(toHeader(pair)[1]);
  } catch {
    return false;
  }
}

/** Values are percent-encoded, as in W3C Baggage. */
function toHeader(pair: string): [string, string] {
  const at = pair.indexOf('=');
  return [pair.slice(0, at).trim().toLowerCase(), decodeURIComponent(pair.slice(at + 1).trim())];
}
