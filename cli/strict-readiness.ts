import { type CommandContext, CommandFailure } from './command-context.ts';
import { formatTable } from './format-table.ts';
import { type DeploymentClient, openDeploymentClient } from './deployment-client.ts';

const HOURS_24 = 86_400_000;
const PAGE = 200;
/** What the public faces record of their callers: the gateway its requests, the STS what it gave and refused. */
const TYPES = ['request', 'token.issue', 'token.exchange', 'token.refuse', 'token.revoke'] as const;
const DOCUMENT = `query Uncertified($type: String!, $since: DateTime!, $first: Int!, $after: String) {
  auditEvents(filter: { type: $type, since: $since }, first: $first, after: $after) {
    edges { node { canonical } }
    pageInfo { hasNextPage endCursor }
  }
}`;

interface Page {
  readonly edges: readonly { readonly node: { readonly canonical: string } }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

interface FaceEvent {
  readonly time: string;
  readonly source: { readonly peer: string };
  readonly actor: {
    readonly sub: string;
    readonly client_id: string | null;
    readonly auth_method: string | null;
    readonly cert_thumbprint: string | null;
  };
  readonly detail: { readonly shown_certificate?: string | null };
}

interface Uncertified {
  readonly face: string;
  readonly sub: string;
  readonly client: string;
  readonly method: string;
  count: number;
  lastSeen: string;
}

/**
 * Lists who called the gateway or the STS without a client certificate in the last 24 hours and would be turned away
 * by MTLS_MODE=strict, as the audit log knows it (with the auditor certificate).
 */
export async function showStrictReadiness(context: CommandContext): Promise<void> {
  const { clock, print } = context;
  const deployment = await openDeploymentClient('auditor', context);
  try {
    const since = new Date(clock.now() - HOURS_24).toISOString();
    const callers = new Map<string, Uncertified>();
    let requests = 0;
    for (const type of TYPES)
      for await (const event of readEvents(deployment, type, since)) {
        const shown = shownCertificate(type, event);
        if (shown === undefined) continue;
        requests += 1;
        if (shown === null) count(callers, type, event);
      }
    const rows = [...callers.values()]
      .sort((a, b) => b.count - a.count)
      .map(({ face, sub, client, method, count: times, lastSeen }) => [
        face,
        sub,
        client,
        method,
        String(times),
        lastSeen,
      ]);
    for (const line of formatTable(['at', 'caller', 'client', 'method', 'requests', 'last seen'], rows))
      print(line);
    const uncertified = [...callers.values()].reduce((sum, { count: times }) => sum + times, 0);
    print(`${String(uncertified)} of ${String(requests)} requests since ${since} had no client certificate`);
    const served = [...callers.values()].some(({ sub }) => sub !== 'anonymous');
    if (served)
      throw new CommandFailure(
        1,
        'MTLS_MODE=strict would refuse these callers\n  -> Give each of them a certificate first',
      );
  } finally {
    await deployment.close();
  }
}

/**
 * The certificate that the caller showed, or null; undefined: nobody called. A token that was given names in `actor` whom
 * it speaks of and what it is bound to, which need not be who asked.
 */
function shownCertificate(type: (typeof TYPES)[number], { actor, detail }: FaceEvent) {
  return type === 'token.issue' || type === 'token.exchange'
    ? detail.shown_certificate
    : actor.cert_thumbprint;
}

function count(
  callers: Map<string, Uncertified>,
  type: (typeof TYPES)[number],
  { source, actor, time }: FaceEvent,
): void {
  const client = actor.client_id ?? '';
  const sub = type === 'token.exchange' ? client : actor.sub;
  const method = type === 'token.exchange' ? 'token-exchange' : (actor.auth_method ?? 'none');
  const face = source.peer.replace(/^.*\//, '');
  const key = JSON.stringify([face, sub, client, method]);
  const known = callers.get(key);
  if (known === undefined) callers.set(key, { face, sub, client, method, count: 1, lastSeen: time });
  else {
    known.count += 1;
    if (time > known.lastSeen) known.lastSeen = time;
  }
}

async function* readEvents(
  deployment: DeploymentClient,
  type: string,
  since: string,
): AsyncGenerator<FaceEvent> {
  let after: string | null = null;
  for (;;) {
    const { status, data, errors } = await deployment.graphql(DOCUMENT, { type, since, first: PAGE, after });
    const page = data?.['auditEvents'] as Page | null | undefined;
    if (page == null)
      throw new CommandFailure(1, `The log cannot be read: ${errors[0]?.message ?? String(status)}`);
    for (const { node } of page.edges) yield JSON.parse(node.canonical) as FaceEvent;
    if (!page.pageInfo.hasNextPage) return;
    after = page.pageInfo.endCursor;
  }
}
