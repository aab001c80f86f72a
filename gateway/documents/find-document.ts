import { SecurityError } from '@aduana/core/errors/security-error';
import type { Rights } from '@aduana/subgraph/graphql/requirement';
import { createBoundedCache } from '@aduana/core/platform/bounded-cache';
import type { Clock } from '@aduana/core/platform/clock';
import { sha256Hex } from '@aduana/core/platform/digest';
import type { GraphqlRequest } from '../http/graphql-request.ts';
import type { TrustedDocuments } from './trusted-documents.ts';

/** Finds the text of the document that a request means, and refuses one that may not run here. */
export type FindDocument = (request: GraphqlRequest, rights: Rights) => GraphqlRequest;

export interface FindDocumentOptions {
  /** Only these run; undefined: any document may. */
  readonly trusted: TrustedDocuments | undefined;
  /** Whether documents may be registered and asked for by their hash. */
  readonly persisted: boolean;
  readonly clock: Clock;
}

const REGISTER = 'gateway:documents:register';
const KEPT = 2_000;
const BYTES_KEPT = 65_536;

/**
 * Takes what Apollo's clients send as `extensions.persistedQuery`: `{ version: 1, sha256Hash }`, the id of a trusted
 * document or the SHA-256 of a registered one. Registration needs the permission `gateway:documents:register`; without
 * it the document runs and is forgotten.
 *
 * @throws SecurityError `DOCUMENT_NOT_TRUSTED`, `PERSISTED_QUERY_NOT_FOUND`, `PERSISTED_QUERY_NOT_SUPPORTED`, `BAD_REQUEST`
 */
export function createFindDocument({ trusted, persisted, clock }: FindDocumentOptions): FindDocument {
  const registered = createBoundedCache<string>(clock, KEPT);

  function findPersisted(request: GraphqlRequest, hash: string, rights: Rights): GraphqlRequest {
    const { query } = request;
    if (query === undefined) {
      const known = registered.get(hash);
      if (known === undefined) throw new SecurityError('PERSISTED_QUERY_NOT_FOUND');
      return { ...request, query: known };
    }
    if (sha256Hex(query) !== hash)
      throw new SecurityError('BAD_REQUEST', { detail: 'the hash is of another document' });
    if (query.length <= BYTES_KEPT && rights.holdsScope(REGISTER)) registered.set(hash, query);
    return request;
  }

  return (request, rights) => {
    const hash = readHash(request.extensions);
    if (trusted !== undefined) return findTrusted(request, hash, trusted);
    if (hash === undefined) return request;
    if (persisted) return findPersisted(request, hash, rights);
    if (request.query === undefined) throw new SecurityError('PERSISTED_QUERY_NOT_SUPPORTED');
    return request;
  };
}

function findTrusted(
  request: GraphqlRequest,
  id: string | undefined,
  trusted: TrustedDocuments,
): GraphqlRequest {
  const { query } = request;
  if (query === undefined && id === undefined) return request;
  const text = query ?? trusted.byId(id ?? '');
  if (text === undefined || !trusted.has(text)) throw new SecurityError('DOCUMENT_NOT_TRUSTED');
  return { ...request, query: text };
}

function readHash({ persistedQuery }: GraphqlRequest['extensions']): string | undefined {
  if (persistedQuery === undefined || persistedQuery === null) return undefined;
  const { version, sha256Hash } = persistedQuery as Readonly<Record<string, unknown>>;
  if (version !== 1 || typeof sha256Hash !== 'string' || sha256Hash.length > 256)
    throw new SecurityError('BAD_REQUEST', { detail: '`persistedQuery` is malformed' });
  return sha256Hash;
}
