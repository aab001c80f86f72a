import { verifyInclusion } from '../auditor/merkle.ts';
import { openNote, parseCheckpoint, parseVerifierKey } from '../auditor/note.ts';
import { type CommandContext, CommandFailure } from './command-context.ts';
import { type HouseClient, openHouseClient } from './house-client.ts';

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
  const house = await openHouseClient('auditor', context);
  try {
    const seq = await findSeq(house, id);
    const proof = await waitForProof(house, seq, context);
    const vkey = await readVkey(house);
    verifyProof(proof, vkey);
    context.print(toText(proof));
    context.printError(`event ${id} is entry ${proof.seq} of ${proof.size}: verified`);
  } finally {
    await house.close();
  }
}

async function findSeq(house: HouseClient, id: string): Promise<string> {
  const answer = await house.graphql('query Find($id: ID!) { auditEvent(id: $id) { seq } }', { id });
  const { auditEvent } = (answer.data ?? {}) as { auditEvent?: { seq: string } | null };
  if (auditEvent === undefined || auditEvent === null)
    throw new CommandFailure(1, answer.errors[0]?.message ?? 'There is no such event');
  return auditEvent.seq;
}

/** A new event is under a checkpoint within a second or two. */
async function waitForProof(house: HouseClient, seq: string, context: CommandContext): Promise<Proof> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const answer = await house.graphql(
      'query Prove($seq: BigInt!) { auditInclusionProof(seq: $seq) { seq size leafHash hashes checkpoint { note } } }',
      { seq },
    );
    const { auditInclusionProof } = (answer.data ?? {}) as { auditInclusionProof?: Proof | null };
    if (auditInclusionProof !== undefined && auditInclusionProof !== null) return auditInclusionProof;
    await context.clock.sleep(PAUSE_MS);
  }
  throw new CommandFailure(1, 'The log gives no proof for this event');
}

async function readVkey(house: HouseClient): Promise<string> {
  const answer = await house.graphql('{ auditIntegrity { vkey } }');
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
      leafHash: Buffer.from(leafHash, 'hex'),
      root: tree.root,
      proof: hashes.map((hash) => Buffer.from(hash, 'hex')),
    });
  if (!isProved) throw new CommandFailure(1, 'TAMPERED: the proof does not verify');
}

function toText({ seq, hashes, checkpoint }: Proof): string {
  const lines = hashes.map((hash) => Buffer.from(hash, 'hex').toString('base64'));
  return ['c2sp.org/tlog-proof@v1', `index ${seq}`, ...lines, '', checkpoint.note.trimEnd()].join('\n');
}
