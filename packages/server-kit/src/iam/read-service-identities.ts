import type { JsonWebKey } from 'node:crypto';
import { readShape } from '../platform/read-shape.ts';
import type { YamlDocument } from '../platform/yaml-document.ts';
import type { Service } from './policy.ts';
import { PUBLIC_JWKS, SERVICE_IDENTITIES, type ServiceEntry } from './service-identities-shape.ts';
import type { Problems, ReadAttachment } from './problems.ts';

const DEFAULT_AUDIENCES = ['gateway'];

/**
 * @param attachment reads a file that the document names
 * @throws ConfigurationError when the document is not of the shape of `service_identities.yaml`
 */
export async function readServiceIdentities(
  document: YamlDocument,
  attachment: ReadAttachment,
  problems: Problems,
): Promise<ReadonlyMap<string, Service>> {
  const services = new Map<string, Service>();
  for (const [id, entry] of Object.entries(readShape(SERVICE_IDENTITIES, document, 'policies.md').services)) {
    const location = document.locate(['services', id]);
    services.set(id, toService(id, entry, location, await readKeys(entry, location, attachment, problems)));
  }
  return services;
}

function toService(id: string, entry: ServiceEntry, location: string, jwks: readonly JsonWebKey[]): Service {
  const { exchange } = entry;
  return {
    id,
    spiffeId: entry.spiffe_id,
    roles: entry.roles ?? [],
    authentication: entry.authentication ?? [],
    jwks,
    token: {
      maxTtlSeconds: entry.token?.max_ttl_seconds,
      audiences: entry.token?.audiences ?? DEFAULT_AUDIENCES,
    },
    exchange: exchange && {
      audiences: exchange.audiences ?? [],
      scopes: exchange.scopes ?? [],
      subjects: exchange.subjects ?? [],
      join: exchange.join ?? false,
      policies: exchange.policies ?? false,
    },
    location,
  };
}

async function readKeys(
  entry: ServiceEntry,
  location: string,
  attachment: ReadAttachment,
  problems: Problems,
): Promise<readonly JsonWebKey[]> {
  if (entry.jwks_file === undefined) return entry.jwks?.keys ?? [];
  const text = await attachment(entry.jwks_file, location);
  if (text === undefined) return [];
  const parsed = PUBLIC_JWKS.safeParse(parseJson(text));
  if (parsed.success) return parsed.data.keys;
  problems.add(
    location,
    `the file \`${entry.jwks_file}\` holds no set of public keys`,
    'Write a JSON Web Key Set (RFC 7517 section 5)',
  );
  return [];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
