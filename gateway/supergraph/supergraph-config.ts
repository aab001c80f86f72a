import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { ConfigurationError, type ConfigurationProblem } from '@aduana/core/errors/configuration-error';
import { readShape } from '@aduana/server-kit/platform/read-shape';
import { parseYaml } from '@aduana/server-kit/platform/yaml-document';
import { z } from 'zod';
import { HEADER_SETTINGS, type HeaderRules, NO_HEADERS, toHeaderRules } from './header-rules.ts';
import { LOAD_SETTINGS, type SubgraphLoad, toSubgraphLoad } from './subgraph-load.ts';
import {
  SUBSCRIPTION_SETTINGS,
  type SubscriptionSettings,
  toSubscriptionSettings,
} from './subscription-settings.ts';

/** Where a subgraph answers, and how it is called, by `supergraph.yaml`. */
export interface SubgraphSettings {
  readonly name: string;
  readonly url: string;
  /** Undefined where the supergraph comes composed: nothing but composing needs it. */
  readonly schema: { readonly file: string } | { readonly subgraphUrl: string } | undefined;
  readonly audience: string;
  readonly headers: HeaderRules;
  /** What of a subgraph's errors reaches clients: codes of the deployment, or their messages as well. */
  readonly errors: 'masked' | 'messages';
  readonly timeoutMs: number;
  readonly clientCertificate: boolean;
  readonly load: SubgraphLoad;
  readonly subscriptions: SubscriptionSettings;
}

export interface SupergraphConfig {
  readonly federationVersion: string | undefined;
  readonly subgraphs: ReadonlyMap<string, SubgraphSettings>;
}

export interface SupergraphConfigOptions {
  /** What `${NAME}` stands for. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Plain HTTP is for loopback, where mTLS is not demanded. */
  readonly allowPlainLoopback: boolean;
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

const SUBGRAPH = z.strictObject({
  routing_url: z.string(),
  schema: z
    .union([z.strictObject({ file: z.string() }), z.strictObject({ subgraph_url: z.string() })])
    .optional(),
  aduana: z
    .strictObject({
      audience: z.string().min(1).optional(),
      ...HEADER_SETTINGS,
      errors: z.enum(['masked', 'messages'], 'is neither `masked` nor `messages`').default('masked'),
      timeout_ms: z.int().min(1).max(300_000).default(5_000),
      client_certificate: z.boolean().default(true),
      ...LOAD_SETTINGS,
      ...SUBSCRIPTION_SETTINGS,
    })
    .prefault({}),
});

const FILE = z.strictObject({
  federation_version: z.union([z.string(), z.number()]).optional(),
  subgraphs: z.record(z.string().regex(/^[A-Za-z][A-Za-z0-9_-]*$/, 'is not a subgraph name'), SUBGRAPH),
});

/**
 * Reads Rover's `supergraph.yaml`, with an optional `aduana:` block per subgraph.
 *
 * @throws ConfigurationError with every problem at once
 */
export async function readSupergraphConfig(
  file: string,
  options: SupergraphConfigOptions,
): Promise<SupergraphConfig> {
  return parseSupergraphConfig(await readText(file), file, options);
}

function toSchemaOrigin(
  schema: z.output<typeof SUBGRAPH>['schema'],
  file: string,
): SubgraphSettings['schema'] {
  if (schema === undefined) return undefined;
  return 'file' in schema
    ? { file: path.resolve(path.dirname(file), schema.file) }
    : { subgraphUrl: schema.subgraph_url };
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    throw problems(file, ['cannot be read']);
  }
}

export function parseSupergraphConfig(
  text: string,
  file: string,
  { variables, allowPlainLoopback }: SupergraphConfigOptions,
): SupergraphConfig {
  const missing = new Set<string>();
  const document = parseYaml(text, file);
  const value = expand(document.value);
  if (missing.size > 0)
    throw problems(
      file,
      [...missing].map((name) => `the variable ${name} is not set`),
    );
  const settings = readShape(FILE, { ...document, value }, 'reference/subgraph-options.md');
  const unusable: string[] = [];
  const subgraphs = new Map<string, SubgraphSettings>();
  for (const [name, entry] of Object.entries(settings.subgraphs)) {
    const problem = judgeUrl(entry.routing_url, allowPlainLoopback);
    if (problem !== undefined) unusable.push(`subgraphs.${name}.routing_url: ${problem}`);
    const headers = toHeaderRules(entry.aduana);
    if ('problem' in headers) unusable.push(`subgraphs.${name}.aduana: ${headers.problem}`);
    subgraphs.set(name, {
      name,
      url: entry.routing_url,
      schema: toSchemaOrigin(entry.schema, file),
      audience: entry.aduana.audience ?? name,
      headers: 'problem' in headers ? NO_HEADERS : headers,
      errors: entry.aduana.errors,
      timeoutMs: entry.aduana.timeout_ms,
      clientCertificate: entry.aduana.client_certificate,
      load: toSubgraphLoad(entry.aduana),
      subscriptions: toSubscriptionSettings(entry.aduana),
    });
  }
  if (unusable.length > 0) throw problems(file, unusable);
  const version = settings.federation_version;
  return { federationVersion: version === undefined ? undefined : String(version), subgraphs };

  function expand(value: unknown): unknown {
    if (typeof value === 'string') {
      return value.replaceAll(/\$\{(?:env\.)?([A-Za-z_][A-Za-z0-9_]*)\}/g, (_, name: string) => {
        const known = variables[name];
        if (known === undefined) missing.add(name);
        return known ?? '';
      });
    }
    if (Array.isArray(value)) return value.map(expand);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, expand(member)]));
  }
}

function judgeUrl(text: string, allowPlainLoopback: boolean): string | undefined {
  if (!URL.canParse(text)) return 'is not a URL';
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return 'holds credentials';
  if (url.protocol === 'https:') return undefined;
  if (url.protocol !== 'http:') return 'is neither https nor http';
  return allowPlainLoopback && LOOPBACK.has(url.hostname)
    ? undefined
    : 'is plain http, which is for loopback in permissive mode only';
}

function problems(file: string, found: readonly string[]): ConfigurationError {
  return new ConfigurationError(
    found.map((problem): ConfigurationProblem => ({
      subject: file,
      problem,
      remedy: 'See docs/reference/subgraph-options.md',
    })),
  );
}
