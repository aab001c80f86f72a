import { type CommandContext, CommandFailure, EXIT_USAGE } from './command-context.ts';
import { type DeploymentClient, openDeploymentClient } from './deployment-client.ts';

interface Page {
  readonly auditEvents: {
    readonly edges: readonly { readonly node: { readonly seq: string; readonly canonical: string } }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  };
}

export interface TailFlags {
  readonly from?: string;
  readonly type?: string;
  readonly actor?: string;
  readonly follow: boolean;
}

const PAGE = 200;
const PAUSE_MS = 1000;
const DOCUMENT = `query Tail($filter: AuditFilter, $first: Int!, $after: String) {
  auditEvents(filter: $filter, first: $first, after: $after) {
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
    let after = first === 0 ? null : cursorBefore(first);
    for (;;) {
      const { edges, pageInfo } = await readPage(deployment, flags, after);
      for (const { node } of edges) if (!isOwnRead(node.canonical, flags)) context.print(node.canonical);
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

async function readPage(deployment: DeploymentClient, { type, actor }: TailFlags, after: string | null) {
  const answer = await deployment.graphql(DOCUMENT, { filter: { type, actor }, first: PAGE, after });
  const data = answer.data as Page | null | undefined;
  if (data?.auditEvents === undefined) throw refused(answer.errors);
  return data.auditEvents;
}

/** Each look at the log is an event of its own: to print it would never end. */
function isOwnRead(canonical: string, { type }: TailFlags): boolean {
  return type === undefined && canonical.includes('"operation_name":"Tail"');
}

function cursorBefore(seq: number): string {
  return Buffer.from(`seq:${String(seq - 1)}`).toString('base64url');
}

function refused(errors: readonly { readonly message: string }[] | undefined): CommandFailure {
  return new CommandFailure(1, `The log cannot be read: ${errors?.[0]?.message ?? 'no answer'}`);
}
