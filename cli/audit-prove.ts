import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { leafHash, verifyInclusion } from '@aduana/audit-verifier/merkle';
import { Tampering, UsageProblem } from '@aduana/audit-verifier/problems';
import { openCheckpoint } from '@aduana/audit-verifier/signed-claims';
import { type CommandContext, CommandFailure, EXIT_USAGE } from './command-context.ts';
import { type DeploymentClient, openDeploymentClient } from './deployment-client.ts';

interface Entry {
  readonly seq: string;
  readonly canonical: string;
}

interface Proof {
  readonly seq: string;
  readonly size: string;
  readonly hashes: readonly string[];
  readonly checkpoint: { readonly note: string };
}

const ATTEMPTS = 10;
const PAUSE_MS = 500;

/**
 * Prints a proof that an event is in the log (c2sp.org/tlog-proof), after verifying it. Who answers is not believed: the
 * key is known from elsewhere, and the leaf is the event itself.
 *
 * @param given the log's verifier key; without it, the one that the home folder keeps
 */
export async function proveEvent(
  id: string,
  given: string | undefined,
  context: CommandContext,
): Promise<void> {
  const deployment = await openDeploymentClient('auditor', context);
  try {
    const vkey = given ?? (await readKnownKey(deployment.settings.ADUANA_HOME));
    const entry = await findEntry(deployment, id);
    const recorded = describeEvent(entry, id);
    const proof = await waitForProof(deployment, entry.seq, context);
    verifyProof(proof, entry, vkey);
    context.print(toText(proof));
    context.printError(`event ${id} is entry ${proof.seq} of ${proof.size}: verified\n${recorded}`);
  } finally {
    await deployment.close();
  }
}

/** What the audit service of this home has written there. */
async function readKnownKey(home: string): Promise<string> {
  return readFile(join(home, 'audit/vkey'), 'utf8').catch(() => {
    throw new CommandFailure(
      EXIT_USAGE,
      "The log's verifier key is not known here, and a key that comes with the proof proves nothing\n  -> Pass it with --vkey. Whoever keeps the audit service has it, and `npx aduana audit export --out DIR` writes it to DIR/vkey",
    );
  });
}

async function findEntry(deployment: DeploymentClient, id: string): Promise<Entry> {
  const answer = await deployment.graphql('query Find($id: ID!) { auditEvent(id: $id) { seq canonical } }', {
    id,
  });
  const { auditEvent } = (answer.data ?? {}) as { auditEvent?: Entry | null };
  if (auditEvent === undefined || auditEvent === null)
    throw new CommandFailure(
      1,
      answer.errors[0]?.message ??
        'The log has no event with this id\n  -> Use the id from the header audit-id of an answer',
    );
  return auditEvent;
}

/** @throws CommandFailure where the entry is not the event that was asked for */
function describeEvent({ canonical }: Entry, id: string): string {
  const event = parseEvent(canonical);
  if (event.id !== id.toLowerCase())
    throw new CommandFailure(1, 'TAMPERED: the answer is about another event');
  return `${String(event.type)} of ${String(event.source?.peer)} at ${String(event.time)}`;
}

interface NamedEvent {
  readonly id?: unknown;
  readonly type?: unknown;
  readonly time?: unknown;
  readonly source?: { readonly peer?: unknown };
}

function parseEvent(canonical: string): NamedEvent {
  try {
    return (JSON.parse(canonical) as NamedEvent | null) ?? {};
  } catch {
    return {};
  }
}

/** A new event is under a checkpoint within a second or two. */
async function waitForProof(
  deployment: DeploymentClient,
  seq: string,
  context: CommandContext,
): Promise<Proof> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const answer = await deployment.graphql(
      'query Prove($seq: BigInt!) { auditInclusionProof(seq: $seq) { seq size hashes checkpoint { note } } }',
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

/** @throws CommandFailure where the leaf is not in the tree that the key has signed */
function verifyProof({ seq, size, hashes, checkpoint }: Proof, entry: Entry, vkey: string): void {
  const { signed } = openSigned(checkpoint.note, vkey);
  const isProved =
    seq === entry.seq &&
    signed.size === Number(size) &&
    verifyInclusion({
      index: Number(seq),
      size: signed.size,
      leafHash: leafHash(Buffer.from(entry.canonical)),
      root: signed.root,
      proof: hashes,
    });
  if (!isProved) throw new CommandFailure(1, 'TAMPERED: the proof does not verify');
}

function openSigned(note: string, vkey: string): ReturnType<typeof openCheckpoint> {
  try {
    return openCheckpoint(note, vkey);
  } catch (error) {
    if (error instanceof Tampering) throw new CommandFailure(1, `TAMPERED: ${error.message}`);
    if (error instanceof UsageProblem) throw new CommandFailure(EXIT_USAGE, error.message);
    throw error;
  }
}

function toText({ seq, hashes, checkpoint }: Proof): string {
  const lines = hashes.map((hash) => Buffer.from(hash, 'hex').toString('base64'));
  return ['c2sp.org/tlog-proof@v1', `index ${seq}`, ...lines, '', checkpoint.note.trimEnd()].join('\n');
}
