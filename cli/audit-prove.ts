import { verifyInclusion } from '@aduana/audit-verifier/merkle';
import { openNote, parseCheckpoint, parseVerifierKey } from '@aduana/audit-verifier/note';
import { type CommandContext, CommandFailure } from './command-context.ts';
import { type DeploymentClient, openDeploymentClient } from './deployment-client.ts';

interface Proof {
  readonly seq: string;
  readonly size: string;
  readonly leafHash: string;
  readonly hashes: readonly string[];
  readonly checkpoint: { readonly note: string };
}

const ATTEMPTS = 10;
const PAUSE_MS = 500;

/** Prints a proof that an event is in the log (c2sp.org/tlog-proof), after verifying it. */
export async function proveEvent(id: string, context: CommandContext): Promise<void> {
  const deployment = await openDeploymentClient('auditor', context);
  try {
    const seq = await findSeq(deployment, id);
    const proof = await waitForProof(deployment, seq, context);
    const vkey = await readVkey(deployment);
    verifyProof(proof, vkey);
    context.print(toText(proof));
    context.printError(`event ${id} is entry ${proof.seq} of ${proof.size}: verified`);
  } finally {
    await deployment.close();
  }
}

async function findSeq(deployment: DeploymentClient, id: string): Promise<string> {
  const answer = await deployment.graphql('query Find($id: ID!) { auditEvent(id: $id) { seq } }', { id });
  const { auditEvent } = (answer.data ?? {}) as { auditEvent?: { seq: string } | null };
  if (auditEvent === undefined || auditEvent === null)
    throw new CommandFailure(
      1,
      answer.errors[0]?.message ??
        'The log has no event with this id\n  -> Use the id from the header audit-id of an answer',
    );
  return auditEvent.seq;
}

/** A new event is under a checkpoint within a second or two. */
async function waitForProof(
  deployment: DeploymentClient,
  seq: string,
  context: CommandContext,
): Promise<Proof> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const answer = await deployment.graphql(
      'query Prove($seq: BigInt!) { auditInclusionProof(seq: $seq) { seq size leafHash hashes checkpoint { note } } }',
      { seq },
    );
    const { auditInclusionProof } = (answer.data ?? {}) as { auditInclusionProof?: Proof | null };
    if (auditInclusionProof !== undefined && auditInclusionProof !== null) return auditInclusionProof;
    await context.clock.sleep(PAUSE_MS);
  }
  throw new CommandFailure(
    1,
    'The log has not signed this event yet\n  -> Try again; if it stays so, look at /health of the audit service',
  );
}

async function readVkey(deployment: DeploymentClient): Promise<string> {
  const answer = await deployment.graphql('{ auditIntegrity { vkey } }');
  const { auditIntegrity } = (answer.data ?? {}) as { auditIntegrity?: { vkey: string } | null };
  return auditIntegrity?.vkey ?? '';
}

function verifyProof({ seq, size, leafHash, hashes, checkpoint }: Proof, vkey: string): void {
  const key = parseVerifierKey(vkey);
  const text = key === undefined ? undefined : openNote(checkpoint.note, key);
  const tree = text === undefined ? undefined : parseCheckpoint(text);
  const isProved =
    tree?.size === Number(size) &&
    verifyInclusion({
      index: Number(seq),
      size: tree.size,
      leafHash,
      root: tree.root,
      proof: hashes,
    });
  if (!isProved) throw new CommandFailure(1, 'TAMPERED: the proof does not verify');
}

function toText({ seq, hashes, checkpoint }: Proof): string {
  const lines = hashes.map((hash) => Buffer.from(hash, 'hex').toString('base64'));
  return ['c2sp.org/tlog-proof@v1', `index ${seq}`, ...lines, '', checkpoint.note.trimEnd()].join('\n');
}
