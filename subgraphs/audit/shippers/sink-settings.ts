import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import { readShape } from '@aduana/server-kit/platform/read-shape';
import { parseYaml } from '@aduana/server-kit/platform/yaml-document';

const FILE = z.string().min(1);
const CLIENT_TLS = z.strictObject({ ca: FILE, certificate: FILE.optional(), key: FILE.optional() });
const COMMON = {
  name: z.string().regex(/^[a-z][a-z0-9_-]{0,62}$/, 'is no name of lower-case letters, digits, - and _'),
  format: z.enum(['ocsf', 'cef']).default('ocsf'),
};
const ADDRESS = z.string().regex(/^(\[[0-9a-fA-F:]+\]|[^\s:/]+):\d{1,5}$/, 'is not host:port');
const STREAM = {
  ...COMMON,
  address: ADDRESS,
  max_message_bytes: z.number().int().min(1024).max(1_048_576).default(65_536),
  tls: CLIENT_TLS,
};
const HTTP = {
  ...COMMON,
  format: z.literal('ocsf').default('ocsf'),
  url: z.url({ protocol: /^https$/, error: 'is not an https:// URL' }),
  tls: CLIENT_TLS.optional(),
};

const SINK = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('syslog_tls'), ...STREAM }),
  z.strictObject({ kind: z.literal('relp_tls'), ...STREAM }),
  z.strictObject({
    kind: z.literal('splunk_hec'),
    ...HTTP,
    token: z.string().min(1),
    acknowledge: z.boolean().default(true),
  }),
  z.strictObject({
    kind: z.literal('elastic_bulk'),
    ...HTTP,
    index: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,200}$/, 'is no name of an index'),
    api_key: z.string().min(1).optional(),
  }),
  z.strictObject({
    kind: z.literal('otlp_http'),
    ...HTTP,
    headers: z.record(z.string(), z.string()).default({}),
  }),
  z.strictObject({ kind: z.literal('file'), ...COMMON, path: FILE }),
]);

const SINKS = z.strictObject({ version: z.literal(1), sinks: z.array(SINK).max(32) });

export type SinkSettings = z.output<typeof SINK>;
export type SinkOf<Kind extends SinkSettings['kind']> = Extract<SinkSettings, { kind: Kind }>;

/**
 * Reads `SIEM_SINKS`.
 *
 * @throws ConfigurationError with every problem, each as `file:line`
 */
export async function readSinkSettings(file: string): Promise<readonly SinkSettings[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw problem(file, `cannot be read (${code})`, 'Set SIEM_SINKS to a readable file');
  });
  const { sinks } = readShape(SINKS, parseYaml(text, file), 'audit-log.md');
  const names = sinks.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw problem(file, `two sinks are called ${twice}`, 'Give each its own name');
  return sinks;
}

function problem(subject: string, what: string, remedy: string): ConfigurationError {
  return new ConfigurationError([{ subject, problem: what, remedy }]);
}
