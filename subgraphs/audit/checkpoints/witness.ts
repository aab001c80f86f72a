import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { checkpointText, openCheckpoint } from '@aduana/server-kit/audit/checkpoint';
import { openCosignature } from '@aduana/server-kit/audit/cosignature';
import { writeFileAtomically } from '@aduana/core/platform/write-file-atomically';
import { callAttester } from './call-attester.ts';
import type { CheckpointGuard, SignedCheckpoint } from './checkpoint-guard.ts';
import type { TreeReader } from './tree-reader.ts';

export interface WitnessOptions {
  /** Where `/add-checkpoint` is. */
  readonly url: string;
  /** The witness's verifier key. */
  readonly vkey: string;
  /** The log's own verifier keys. */
  readonly logVkeys: () => readonly string[];
  readonly guard: Pick<CheckpointGuard, 'last'>;
  readonly tree: TreeReader;
  /** Keeps the last note that the witness has cosigned. */
  readonly file: string;
  /** Ends a call when the log stops. */
  readonly stop: AbortSignal;
}

export interface Witness {
  /** The size that the witness has cosigned last; 0 before the first. */
  readonly size: number;
  /** The last cosigned note. */
  readonly note: string | undefined;
  /**
   * Has the newest checkpoint cosigned.
   *
   * @throws Error when the witness does not answer, or refuses
   */
  submit(): Promise<void>;
}

const CONFLICT = 409;

/** A witness (c2sp.org/tlog-witness): who believes it cannot be shown two histories of this log. */
export async function openWitness(options: WitnessOptions): Promise<Witness> {
  await mkdir(dirname(options.file), { recursive: true, mode: 0o700 });
  let note = await readFile(options.file, 'utf8').catch(() => undefined);
  let size = note === undefined ? 0 : (openCheckpoint(note, options.logVkeys())?.size ?? 0);

  async function submit(): Promise<void> {
    const { last } = options.guard;
    if (last === undefined || last.size === 0 || last.size <= size) return;
    let answer = await add(last, size);
    if (answer.status === CONFLICT) {
      const known = Number(answer.text.trim());
      if (!Number.isSafeInteger(known) || known > last.size)
        throw new Error(`the witness has seen a log of ${answer.text.trim().slice(0, 20)} entries`);
      size = known;
      answer = await add(last, size);
    }
    if (answer.status !== 200) throw new Error(`the witness answered ${String(answer.status)}`);
    const lines = answer.text.trimEnd().split('\n');
    const cosigned = lines.filter(
      (line) => openCosignature(line, checkpointText(last), options.vkey) !== undefined,
    );
    if (cosigned.length === 0) throw new Error('the cosignature is not the one of this witness');
    note = `${last.note}${cosigned.join('\n')}\n`;
    await writeFileAtomically(options.file, note, 0o600);
    size = last.size;
  }

  async function add(checkpoint: SignedCheckpoint, oldSize: number) {
    const proof = await options.tree.consistencyProof(oldSize, checkpoint.size);
    const lines = [
      `old ${String(oldSize)}`,
      ...proof.map((hash) => hash.toString('base64')),
      '',
      checkpoint.note,
    ];
    const { status, body } = await callAttester({
      url: `${options.url.replace(/\/$/, '')}/add-checkpoint`,
      body: lines.join('\n'),
      stop: options.stop,
    });
    return { status, text: body.toString('utf8') };
  }

  return {
    submit,
    get size() {
      return size;
    },
    get note() {
      return note;
    },
  };
}
