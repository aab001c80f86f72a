import { type Checkpoint, signCheckpoint } from '@aduana/server-kit/audit/checkpoint';
import type { Clock } from '@aduana/core/platform/clock';
import type { Log } from '@aduana/core/platform/log';
import { continues } from '@aduana/server-kit/audit/consistency';
import { createMutex } from '@aduana/core/platform/mutex';
import type { Database, Queryable } from '@aduana/server-kit/store/database';
import type { CheckpointGuard } from './checkpoint-guard.ts';
import type { CheckpointSigners } from './checkpoint-key.ts';
import { ContradictionError, otherTree } from './contradiction-error.ts';
import { createHeadReader, readNewestSigned, readSigned } from './read-head.ts';
import type { SignedMark } from './signed-mark.ts';
import { storeTiles } from './store-tiles.ts';
import { type FullTile, TileAccumulator } from './tile-accumulator.ts';
import { MissingHashError } from './tile-store.ts';
import { readLeaves } from './read-leaves.ts';
import type { TreeReader } from './tree-reader.ts';

export interface CheckpointWriterOptions {
  readonly reader: Database;
  readonly writer: Database;
  readonly guard: CheckpointGuard;
  readonly mark: Pick<SignedMark, 'tree' | 'keep'>;
  /** The newest key first. */
  readonly signers: () => CheckpointSigners;
  readonly treeReader: TreeReader;
  readonly clock: Clock;
  readonly log: Log;
  /** Called once, when signing ends. */
  readonly onContradiction: (reason: string) => void;
}

const LEAVES_PER_READ = 8192;
const IDLE_MS = 60_000;
/** New entries are signed within a second: much later, something is wrong. */
const BEHIND_MS = 10_000;
/** How long a home without a note waits for the first one of the replica that made the log. */
const PATIENCE_MS = 2000;
const NOTHING_KNOWN =
  'the log holds entries, but neither this home nor the secret provider nor the database has a checkpoint of it that its key signed: put the newest signed note that anybody has into ADUANA_HOME/audit/checkpoint and start again, see "A home without its notes" in docs/audit-log.md';

type SignedTree = Pick<Checkpoint, 'size' | 'root'>;

/**
 * Makes checkpoints. Any replica may: the tree is the same for all, and one at a time signs. What contradicts the last
 * checkpoint that was seen here is never signed.
 */
export class CheckpointWriter {
  readonly #options: CheckpointWriterOptions;
  readonly #readHead: ReturnType<typeof createHeadReader>;
  readonly #inTurn = createMutex();
  #tree: TileAccumulator;
  #isCompared = false;
  /** The last leaf of the tree; undefined where that was read from tiles. */
  #lastLeaf: Buffer | undefined;
  #signedAt = -Infinity;
  #signedBy = '';
  readonly #openedAt: number;
  #contradiction: string | undefined;
  #behind: { readonly size: number; readonly since: number } | undefined;

  private constructor(options: CheckpointWriterOptions, tree: TileAccumulator) {
    this.#options = options;
    this.#readHead = createHeadReader(options.reader, () => options.signers().map(({ vkey }) => vkey));
    this.#tree = tree;
    this.#openedAt = options.clock.monotonic();
  }

  static async open(options: CheckpointWriterOptions): Promise<CheckpointWriter> {
    return new CheckpointWriter(options, await TileAccumulator.load(options.reader, options.treeReader));
  }

  /** Why nothing is signed any more; undefined while the log is whole. */
  get contradiction(): string | undefined {
    return this.#contradiction;
  }

  /** Whether entries wait for a checkpoint for much longer than it takes to make one. */
  get isBehind(): boolean {
    return this.#behind !== undefined && this.#options.clock.monotonic() - this.#behind.since > BEHIND_MS;
  }

  /** Integrates what is new and signs it; does nothing where nothing grew and the last note is young. */
  async advance(): Promise<void> {
    if (this.#contradiction !== undefined) return;
    try {
      await this.#inTurn(() => this.#advance());
    } catch (error) {
      if (!(error instanceof ContradictionError || error instanceof MissingHashError)) throw error;
      this.refuse(error.message);
    }
  }

  /** Ends signing for good: what was signed so far stays valid, and somebody has to examine the log. */
  refuse(reason: string): void {
    if (this.#contradiction !== undefined) return;
    this.#contradiction = reason;
    const { log, onContradiction } = this.#options;
    log.error('the log contradicts its last checkpoint: nothing is signed any more', { reason });
    onContradiction(reason);
  }

  async #advance(): Promise<void> {
    const { guard, clock } = this.#options;
    const { size, signed: stored } = await this.#readHead();
    const trees = await this.#signedTrees(stored);
    this.#noteBehind(size, stored?.size ?? 0);
    if (size > 0 && trees.length === 0) {
      if (clock.monotonic() - this.#openedAt < PATIENCE_MS) return; // whoever made the log is about to sign it
      throw new ContradictionError(NOTHING_KNOWN);
    }
    const signed = Math.max(this.#tree.size, ...trees.map((tree) => tree.size));
    if (size < signed)
      throw new ContradictionError(
        `the log holds ${String(size)} entries where ${String(signed)} were signed: its tail is lost, as after an asynchronous failover or from an older backup; bring it back, or see "A lost tail" in docs/audit-log.md (aduana audit recover)`,
      );
    await this.#compareOnce(trees);
    const isSigned = guard.last?.size === size && this.#tree.size === size;
    const isCurrent = this.#signedBy === this.#options.signers()[0].vkey;
    if (isSigned && isCurrent && clock.now() - this.#signedAt < IDLE_MS) return;
    await this.#assertLastLeaf();
    const grown = this.#tree.copy();
    const { tiles, lastLeaf } = await this.#integrate(grown, size, trees);
    if (await this.#sign(grown, tiles)) this.#lastLeaf = lastLeaf;
  }

  /** Notes since when entries wait for a checkpoint in the database, whoever signs it. */
  #noteBehind(size: number, signed: number): void {
    if (this.#behind !== undefined && signed >= this.#behind.size) this.#behind = undefined;
    if (signed < size) this.#behind ??= { size, since: this.#options.clock.monotonic() };
  }

  /** What the tree has to continue: the note of this home, the newest in the database and, at the start, what else is known. */
  async #signedTrees(stored: Checkpoint | undefined): Promise<readonly SignedTree[]> {
    const { guard, mark, reader, signers } = this.#options;
    const known = [guard.last, stored, this.#isCompared ? undefined : mark.tree];
    const trees = known.filter((tree) => tree !== undefined);
    if (trees.length > 0) return trees;
    return readSigned(reader, signers().map(({ vkey }) => vkey)); // prettier-ignore
  }

  /**
   * Whether what is integrated at the start continues what was signed, here and by others. A larger signed tree is
   * compared on the way there: a process that was killed may have kept a note whose tiles were never stored.
   */
  async #compareOnce(trees: readonly SignedTree[]): Promise<void> {
    if (this.#isCompared) return;
    const present = { size: this.#tree.size, root: this.#tree.root() };
    for (const tree of trees.filter(({ size }) => size < present.size)) {
      const proof = await this.#options.treeReader.consistencyProof(tree.size, present.size);
      if (!continues(tree, present, proof)) throw otherTree(tree.size);
    }
  }

  /** A log that has lost its tail may have outgrown what was signed before anybody looked. */
  async #assertLastLeaf(): Promise<void> {
    const at = this.#tree.size - 1;
    if (this.#lastLeaf === undefined || at < 0) return;
    const { rows } = await this.#options.reader.query<{ leaf_hash: Buffer }>(
      'SELECT leaf_hash FROM entries WHERE seq = $1',
      [at],
    );
    const leaf = rows[0]?.leaf_hash;
    if (leaf !== undefined && !this.#lastLeaf.equals(leaf)) throw otherTree(this.#tree.size);
  }

  /** Appends leaves up to `size`. */
  async #integrate(
    grown: TileAccumulator,
    size: number,
    trees: readonly SignedTree[],
  ): Promise<{ readonly tiles: readonly FullTile[]; readonly lastLeaf: Buffer | undefined }> {
    const tiles: FullTile[] = [];
    let lastLeaf = this.#lastLeaf;
    assertSigned(grown, trees);
    while (grown.size < size) {
      const to = Math.min(grown.size + LEAVES_PER_READ, size);
      for (const leaf of await readLeaves(this.#options.reader, grown.size, to)) {
        tiles.push(...grown.append(leaf));
        lastLeaf = leaf;
        assertSigned(grown, trees);
      }
      if (grown.size < to) throw new ContradictionError(`entry ${String(grown.size)} is missing`);
    }
    return { tiles, lastLeaf };
  }

  async #sign(grown: TileAccumulator, tiles: readonly FullTile[]): Promise<boolean> {
    const { guard, writer, clock } = this.#options;
    const signers = this.#options.signers();
    const checkpoint = { origin: signers[0].name, size: grown.size, root: grown.root() };
    const note = signCheckpoint(checkpoint, signers);
    const isSigned = await writer.tryExclusively('checkpoint', async (transaction) => {
      await this.#store(transaction, checkpoint, note, tiles);
      if (guard.last?.note !== note) await guard.remember(checkpoint, note); // before anybody can see it
      return true;
    });
    if (isSigned !== true) return false;
    this.#tree = grown;
    this.#options.mark.keep(note);
    this.#isCompared = true;
    this.#signedAt = clock.now();
    this.#signedBy = signers[0].vkey;
    return true;
  }

  async #store(
    transaction: Queryable,
    { origin, size, root }: Checkpoint,
    note: string,
    tiles: readonly FullTile[],
  ): Promise<void> {
    await storeTiles(transaction, tiles);
    const vkeys = this.#options.signers().map(({ vkey }) => vkey);
    const newest = await readNewestSigned(transaction, vkeys);
    const isOther = newest?.size === size && newest.origin === origin && !newest.root.equals(root);
    if (isOther) throw otherTree(size); // stored meanwhile
    if ((newest?.size ?? -1) > size) return; // another replica is ahead
    await transaction.query('INSERT INTO checkpoints (size, root, note, signed_at) VALUES ($1, $2, $3, $4)', [
      size,
      root,
      note,
      new Date(this.#options.clock.now()).toISOString(),
    ]);
  }
}

/** Of a tree that was signed at this size, each replica must have the root. */
function assertSigned(grown: TileAccumulator, trees: readonly SignedTree[]): void {
  for (const { size, root } of trees)
    if (size === grown.size && !root.equals(grown.root())) throw otherTree(size);
}
