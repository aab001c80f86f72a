import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { commandsOf } from './foreign-parts.ts';

/** Where Debian's package `opentelemetry-proto` has the published schemas. */
const SCHEMAS = '/usr/include';
const COLLECTOR = 'opentelemetry/proto/collector';
const MESSAGES = {
  traces: ['trace', 'ExportTraceServiceRequest'],
  metrics: ['metrics', 'ExportMetricsServiceRequest'],
} as const;

export type Signal = keyof typeof MESSAGES;

/** Whether what was exported can be decoded here: `protoc` and the published schemas. */
export const CAN_DECODE =
  commandsOf('protoc').length > 0 && existsSync(`${SCHEMAS}/${COLLECTOR}/trace/v1/trace_service.proto`);

export interface ReceivedSpan {
  readonly service: string;
  readonly name: string;
  readonly kind: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly isError: boolean;
}

export interface ReceivedMetric {
  readonly service: string;
  readonly name: string;
  readonly kind: string;
}

/** A collector of OTLP over HTTP with protobuf. */
export interface OtlpReceiver {
  readonly url: string;
  /** What came so far. */
  bodies(signal: Signal): readonly Buffer[];
  readonly headers: readonly IncomingHttpHeaders[];
  spans(): readonly ReceivedSpan[];
  metrics(): readonly ReceivedMetric[];
  close(): Promise<void>;
}

/** @param hangs whether it takes connections and never answers */
export async function openOtlpReceiver({ hangs = false, port = 0 } = {}): Promise<OtlpReceiver> {
  const bodies: Record<Signal, Buffer[]> = { traces: [], metrics: [] };
  const headers: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      headers.push(request.headers);
      const signal = request.url === '/v1/traces' ? 'traces' : 'metrics';
      bodies[signal].push(Buffer.concat(chunks));
      if (!hangs) response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    bodies: (signal) => bodies[signal],
    headers,
    spans: () => decode('traces', bodies.traces).flatMap((resource) => spansOf(resource)),
    metrics: () => decode('metrics', bodies.metrics).flatMap((resource) => metricsOf(resource)),
    close: () => close(server),
  };
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeAllConnections();
  });
}

/** A message of protobuf's text format: each field with all its values. */
interface Message {
  readonly [field: string]: readonly (Message | string)[];
}

/** Messages one after the other are one message, whose repeated fields hold those of all. */
function decode(signal: Signal, bodies: readonly Buffer[]): readonly Message[] {
  const [folder, message] = MESSAGES[signal];
  const text = execFileSync(
    'protoc',
    [
      `--decode=opentelemetry.proto.collector.${folder}.v1.${message}`,
      `-I${SCHEMAS}`,
      `${COLLECTOR}/${folder}/v1/${folder}_service.proto`,
    ],
    { input: Buffer.concat(bodies), encoding: 'latin1', maxBuffer: 256 * 1024 * 1024 },
  );
  return messages(parseText(text)[signal === 'traces' ? 'resource_spans' : 'resource_metrics']);
}

/** A field that the schemas do not know is a number here, and no name: it is refused. */
function parseText(text: string): Message {
  const root: Record<string, (Message | string)[]> = {};
  const open = [root];
  for (const line of text.split('\n').map((one) => one.trim()).filter((one) => one !== '')) {
    const into = open.at(-1) ?? root;
    const [, message, field, value] = /^(?:([a-z_]+) \{|([a-z_]+): (.*)|\})$/.exec(line) ?? [];
    if (message !== undefined) {
      const inner: Record<string, (Message | string)[]> = {};
      (into[message] ??= []).push(inner);
      open.push(inner);
    } else if (field !== undefined) (into[field] ??= []).push(unquote(value ?? ''));
    else if (line === '}') open.pop();
    else throw new Error(`no field of the published schemas: ${line}`);
  }
  return root;
} // prettier-ignore

/** Bytes and texts are quoted and escaped as in C; both become latin1 here. */
function unquote(value: string): string {
  if (!value.startsWith('"')) return value;
  return value.slice(1, -1).replace(/\\([0-7]{3}|[abfnrtv'"\\?])/g, (_all, escape: string) => {
    if (escape.length === 3) return String.fromCharCode(Number.parseInt(escape, 8));
    return { n: '\n', r: '\r', t: '\t' }[escape] ?? escape;
  });
}

function messages(values: readonly (Message | string)[] = []): readonly Message[] {
  return values.filter((value): value is Message => typeof value !== 'string');
}

function text(values: readonly (Message | string)[] = []): string {
  return values.filter((value) => typeof value === 'string').join('');
}

function hex(values: readonly (Message | string)[] | undefined): string {
  return Buffer.from(text(values), 'latin1').toString('hex');
}

function attributesOf(message: Message): Record<string, string> {
  return Object.fromEntries(
    messages(message['attributes']).map(({ key, value }) => {
      const [held] = messages(value);
      return [text(key), Object.values(held ?? {}).map((one) => text(one)).join('')];
    }),
  );
} // prettier-ignore

function serviceOf(resource: Message): string {
  return attributesOf(messages(resource['resource'])[0] ?? {})['service.name'] ?? '';
}

function spansOf(resource: Message): readonly ReceivedSpan[] {
  return messages(resource['scope_spans']).flatMap((scope) =>
    messages(scope['spans']).map((span) => ({
      service: serviceOf(resource),
      name: text(span['name']),
      kind: text(span['kind']),
      traceId: hex(span['trace_id']),
      spanId: hex(span['span_id']),
      parentSpanId: hex(span['parent_span_id']),
      attributes: attributesOf(span),
      links: messages(span['links']).map((link) => ({
        traceId: hex(link['trace_id']),
        spanId: hex(link['span_id']),
      })),
      isError: text(messages(span['status'])[0]?.['code']) === 'STATUS_CODE_ERROR',
    })),
  );
}

function metricsOf(resource: Message): readonly ReceivedMetric[] {
  return messages(resource['scope_metrics']).flatMap((scope) =>
    messages(scope['metrics']).map((metric) => ({
      service: serviceOf(resource),
      name: text(metric['name']),
      kind: Object.keys(metric).find((key) => ['sum', 'gauge', 'histogram'].includes(key)) ?? '',
    })),
  );
}
