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

/** @param secret what a secret may be written as */
const sinkShape = <Secret extends z.ZodType>(secret: Secret) =>
  z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('syslog_tls'), ...STREAM }),
    z.strictObject({ kind: z.literal('relp_tls'), ...STREAM }),
    z.strictObject({
      kind: z.literal('splunk_hec'),
      ...HTTP,
      token: secret,
      acknowledge: z.boolean().default(true),
    }),
    z.strictObject({
      kind: z.literal('elastic_bulk'),
      ...HTTP,
      index: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,200}$/, 'is no name of an index'),
      api_key: secret.optional(),
    }),
    z.strictObject({
      kind: z.literal('otlp_http'),
      ...HTTP,
      headers: z.record(z.string(), secret).default({}),
    }),
    z.strictObject({ kind: z.literal('file'), ...COMMON, path: FILE }),
  ]);

const TEXT = z.string().min(1);
/** A file that the audit service alone can read: whoever reads the policies' folder does not read the secret. */
const SECRET = z.union([TEXT, z.strictObject({ file: FILE })]);
const SINKS = z.strictObject({ version: z.literal(1), sinks: z.array(sinkShape(SECRET)).max(32) });

export type SinkSettings = z.output<ReturnType<typeof sinkShape<typeof TEXT>>>;
export type SinkOf<Kind extends SinkSettings['kind']> = Extract<SinkSettings, { kind: Kind }>;

/**
 * Reads `SIEM_SINKS`.
 *
 * @throws ConfigurationError with every problem, each as `file:line`
 */
export async function readSinkSettings(file: string): Promise<readonly SinkSettings[]> {
  const text = await readText(file, 'Set SIEM_SINKS to a readable file');
  const { sinks } = readShape(SINKS, parseYaml(text, file), 'audit-log.md');
  const names = sinks.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw problem(file, `two sinks are called ${twice}`, 'Give each its own name');
  return (await withSecrets(sinks)) as readonly SinkSettings[];
}

/** Puts the text of its file in the place of each `{ file }`, without the line's end. */
async function withSecrets(value: unknown): Promise<unknown> {
  if (Array.isArray(value)) return Promise.all(value.map(withSecrets));
  if (typeof value !== 'object' || value === null) return value;
  if ('file' in value && typeof value.file === 'string') return readSecret(value.file);
  const members = Object.entries(value).map(
    async ([name, member]) => [name, await withSecrets(member)] as const,
  );
  return Object.fromEntries(await Promise.all(members));
}

async function readSecret(file: string): Promise<string> {
  const text = (
    await readText(file, 'Write the secret of the sink into a file that the audit service can read')
  ).trim();
  if (text === '') throw problem(file, 'is empty', 'Write the secret of the sink into it');
  return text;
}

async function readText(file: string, remedy: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw problem(file, `cannot be read (${code})`, remedy);
  });
}

function problem(subject: string, what: string, remedy: string): ConfigurationError {
  return new ConfigurationError([{ subject, problem: what, remedy }]);
}
