import { uuid } from '@aduana/core/platform/ids';
import { type CommandContext, CommandFailure, EXIT_USAGE } from './command-context.ts';
import { type DeploymentClient, openDeploymentClient } from './deployment-client.ts';

interface Page {
  readonly auditEvents: {
    readonly edges: readonly { readonly node: { readonly seq: string; readonly canonical: string } }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  };
}

interface RecordedEvent {
  readonly id: string;
  readonly type: string;
  readonly source: { readonly peer: string };
}

export interface TailFlags {
  readonly from?: string;
  readonly type?: string;
  readonly actor?: string;
  readonly follow: boolean;
}

const PAGE = 200;
const PAUSE_MS = 1000;
/** Reads that are not in the log yet, or that the filter leaves out. */
const MOST_OWN_READS = 1000;
const DOCUMENT = `query Tail($filter: AuditFilter, $first: Int!, $after: String, $follow: ID!) {
  auditEvents(filter: $filter, first: $first, after: $after, follow: $follow) {
    edges { node { seq canonical } }
    pageInfo { hasNextPage endCursor }
  }
}`;

/** Prints events in the order of the log, and, unless asked to end, those that come later. */
export async function followLog(flags: TailFlags, context: CommandContext): Promise<void> {
  if (flags.from !== undefined && !/^\d+$/.test(flags.from))
    throw new CommandFailure(EXIT_USAGE, '--from must be the number of an event, such as 0');
  const deployment = await openDeploymentClient('auditor', context);
  try {
    const first = flags.from === undefined ? await signedSize(deployment) : Number(flags.from);
    const readPage = createPageReader(deployment, flags);
    const ownReads = new Set<string>();
    let after = first === 0 ? null : cursorBefore(first);
    for (;;) {
      const { edges, pageInfo, auditId } = await readPage(after);
      for (const { node } of edges) if (!isOneOf(ownReads, node.canonical)) context.print(node.canonical);
      remember(ownReads, auditId);
      after = pageInfo.endCursor ?? after;
      if (pageInfo.hasNextPage) continue;
      if (!flags.follow) return;
      await context.clock.sleep(PAUSE_MS);
    }
  } finally {
    await deployment.close();
  }
}

async function signedSize(deployment: DeploymentClient): Promise<number> {
  const answer = await deployment.graphql('{ auditIntegrity { size } }');
  const { auditIntegrity } = (answer.data ?? {}) as { auditIntegrity?: { size: string } };
  if (auditIntegrity === undefined) throw refused(answer.errors);
  return Number(auditIntegrity.size);
}

/** Pages under one `follow` are one read in the log, beside the request for each of them. */
function createPageReader(deployment: DeploymentClient, { type, actor }: TailFlags) {
  const follow = uuid();
  return async (after: string | null) => {
    const variables = { filter: { type, actor }, first: PAGE, after, follow };
    const { data, errors, auditId } = await deployment.graphql(DOCUMENT, variables);
    const page = data as Page | null;
    if (page?.auditEvents === undefined) throw refused(errors);
    return { ...page.auditEvents, auditId };
  };
}

function remember(ownReads: Set<string>, auditId: string | undefined): void {
  if (auditId !== undefined) ownReads.add(auditId);
  const [oldest] = ownReads;
  if (ownReads.size > MOST_OWN_READS && oldest !== undefined) ownReads.delete(oldest);
}

/** Each look at the log is an event of its own: to print it would never end. It is known by its id, which nobody else chooses. */
function isOneOf(ownReads: ReadonlySet<string>, canonical: string): boolean {
  const { id, type, source } = JSON.parse(canonical) as RecordedEvent;
  return ownReads.has(id) && type === 'request' && source.peer === 'gateway';
}

function cursorBefore(seq: number): string {
  return Buffer.from(`seq:${String(seq - 1)}`).toString('base64url');
}

function refused(errors: readonly { readonly message: string }[] | undefined): CommandFailure {
  return new CommandFailure(1, `The log cannot be read: ${errors?.[0]?.message ?? 'no answer'}`);
}
