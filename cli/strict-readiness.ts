import { type CommandContext, CommandFailure } from './command-context.ts';
import { formatTable } from './format-table.ts';
import { type HouseClient, openHouseClient } from './house-client.ts';

const HOURS_24 = 86_400_000;
const PAGE = 200;
const DOCUMENT = `query Uncertified($since: DateTime!, $first: Int!, $after: String) {
  auditEvents(filter: { type: "request", since: $since }, first: $first, after: $after) {
    edges { node { canonical } }
    pageInfo { hasNextPage endCursor }
  }
}`;

interface Page {
  readonly edges: readonly { readonly node: { readonly canonical: string } }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

interface RequestEvent {
  readonly time: string;
  readonly actor: {
    readonly sub: string;
    readonly client_id: string | null;
    readonly auth_method: string | null;
    readonly cert_thumbprint: string | null;
  };
}

interface Uncertified {
  readonly sub: string;
  readonly client: string;
  readonly method: string;
  count: number;
  lastSeen: string;
}

/**
 * Lists who called the gateway without a client certificate in the last 24 hours and would be turned away by
 * MTLS_MODE=strict, as the audit log knows it (with the auditor certificate).
 */
export async function showStrictReadiness(context: CommandContext): Promise<void> {
  const { clock, print } = context;
  const house = await openHouseClient('auditor', context);
  try {
    const since = new Date(clock.now() - HOURS_24).toISOString();
    const callers = new Map<string, Uncertified>();
    let requests = 0;
    for await (const event of readRequests(house, since)) {
      requests += 1;
      if (event.actor.cert_thumbprint === null) count(callers, event);
    }
    const rows = [...callers.values()]
      .sort((a, b) => b.count - a.count)
      .map(({ sub, client, method, count: times, lastSeen }) => [
        sub,
        client,
        method,
        String(times),
        lastSeen,
      ]);
    for (const line of formatTable(['caller', 'client', 'method', 'requests', 'last seen'], rows))
      print(line);
    const refused = [...callers.values()].reduce((sum, { count: times }) => sum + times, 0);
    print(`${String(refused)} of ${String(requests)} requests since ${since} came without a certificate`);
    if (refused > 0)
      throw new CommandFailure(1, 'Give these callers certificates before you set MTLS_MODE=strict');
  } finally {
    await house.close();
  }
}

function count(callers: Map<string, Uncertified>, { actor, time }: RequestEvent): void {
  const method = actor.auth_method ?? 'none';
  const key = JSON.stringify([actor.sub, actor.client_id, method]);
  const known = callers.get(key);
  if (known === undefined)
    callers.set(key, { sub: actor.sub, client: actor.client_id ?? '', method, count: 1, lastSeen: time });
  else {
    known.count += 1;
    known.lastSeen = time;
  }
}

async function* readRequests(house: HouseClient, since: string): AsyncGenerator<RequestEvent> {
  let after: string | null = null;
  for (;;) {
    const { status, data, errors } = await house.graphql(DOCUMENT, { since, first: PAGE, after });
    const page = data?.['auditEvents'] as Page | null | undefined;
    if (page == null)
      throw new CommandFailure(1, `The log cannot be read: ${errors[0]?.message ?? String(status)}`);
    for (const { node } of page.edges) yield JSON.parse(node.canonical) as RequestEvent;
    if (!page.pageInfo.hasNextPage) return;
    after = page.pageInfo.endCursor;
  }
}
