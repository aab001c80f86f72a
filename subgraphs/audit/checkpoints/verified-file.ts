import { writeFileAtomically } from '@aduana/core/platform/write-file-atomically';
import { readInElements } from './read-in-elements.ts';
import { type LedgerSnapshot, SourceLedger } from './source-ledger.ts';

/** What the watch has verified, as it is remembered outside the database. */
export interface Verified {
  readonly size: number;
  /** Lower-case hex. */
  readonly root: string;
  readonly ledger: SourceLedger;
}

type Frame = Pick<Verified, 'size' | 'root'> & Pick<LedgerSnapshot, 'beganLate'>;

/** Of whatever size the file is, as earlier releases wrote it without bounds: it takes no more room than a ledger may. */
export async function readVerified(file: string): Promise<Verified> {
  const ledger = new SourceLedger();
  const forgotten: NonNullable<LedgerSnapshot['forgotten']>[number][] = [];
  const frame = (await readInElements(file, (member, element) => {
    if (member === 'boots') ledger.restoreBoot(element as LedgerSnapshot['boots'][number]);
    else if (member === 'intents') ledger.restoreIntent(element as LedgerSnapshot['intents'][number]);
    else if (member === 'forgotten') forgotten.push(element as (typeof forgotten)[number]);
  })) as Frame & Pick<LedgerSnapshot, 'forgotten'>;
  ledger.endRestoring({ ...frame, forgotten: frame.forgotten && forgotten });
  return { size: frame.size, root: frame.root, ledger };
}

export async function writeVerified(file: string, { size, root, ledger }: Verified): Promise<void> {
  await writeFileAtomically(file, JSON.stringify({ size, root, ...ledger.snapshot() }), 0o600);
}
