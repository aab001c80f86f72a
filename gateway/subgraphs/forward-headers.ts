import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import type { HeaderClaim, HeaderRules } from '../supergraph/header-rules.ts';

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** The headers of a request to a subgraph that come from the client and from the caller's token. */
export function headersToSubgraph(
  rules: HeaderRules,
  client: Headers,
  claims: AccessTokenClaims,
): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const [from, to] of rules.request) {
    const value = client[from];
    if (typeof value === 'string') headers[to] = value;
  }
  for (const [name, source] of rules.set)
    headers[name] = 'value' in source ? source.value : readClaim(claims, source.claim);
  return headers;
}

/** What of a client's own headers a subgraph sees, as text. */
export function clientPart(rules: HeaderRules, client: Headers): string {
  return JSON.stringify([...rules.request.keys()].map((name) => client[name] ?? null));
}

/** Gathers what subgraphs say to the client over one request. */
export interface AnswerHeaders {
  take(rules: HeaderRules, answer: Headers): void;
  /** Each header once: its distinct values in a list, in the order of arrival (RFC 9110 section 5.3). */
  all(): Readonly<Record<string, string>>;
}

export function createAnswerHeaders(): AnswerHeaders {
  const values = new Map<string, Set<string>>();
  return {
    take(rules, answer) {
      for (const [from, to] of rules.response)
        for (const value of [answer[from] ?? []].flat()) {
          const known = values.get(to) ?? new Set<string>();
          values.set(to, known.add(value));
        }
    },
    all: () => Object.fromEntries([...values].map(([name, all]) => [name, [...all].join(', ')])),
  };
}

/**
 * A subject of another issuer may be any text, and no two may be one header: what is not visible ASCII is
 * percent-encoded, and so is what holds `%` or begins or ends with a blank, which a recipient takes away.
 */
function readClaim(claims: AccessTokenClaims, claim: HeaderClaim): string {
  const value = claims[claim];
  const text = typeof value === 'string' ? value : value.join(' ');
  return /^[\x20-\x24\x26-\x7e]*$/.test(text) && text.trim() === text ? text : encodeURIComponent(text);
}
