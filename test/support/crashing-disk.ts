import type { SpoolDisk, SpoolFile } from '@aduana/client/audit/spool-disk';

export type DiskCall =
  'makeFolder' | 'list' | 'read' | 'create' | 'write' | 'sync' | 'cut' | 'remove' | 'syncFolder';

/** A disk in memory that fails as a test sets it, and in a power cut loses whatever was not synced. */
export interface CrashingDisk extends SpoolDisk {
  /** How much it holds; a write beyond is done in part. */
  capacity: number;
  /** The next call of this kind fails; a write is done in part, what a sync was to make last is lost. */
  failNext(call: DiskCall): void;
  forgetFaults(): void;
  /** Whoever uses it dies at the n-th call from now: that is done in part, and nothing after it until `revive`. */
  dieAt(call: number): void;
  revive(): void;
  /** Calls wait until the disk is released. */
  hang(): void;
  release(): void;
  /** Cuts the power: of what was not synced some blocks, sizes and names stay, and others do not. */
  crash(): void;
  /** Changes one bit where the power is not to blame. */
  damage(path: string, position: number): void;
  paths(): readonly string[];
  /** The same disk for somebody else to look at. */
  copy(): CrashingDisk;
}

interface File {
  /** What a power cut leaves. */
  synced: Buffer;
  current: Buffer;
  /** Where the kernel has given up to write: a later sync does not repeat it. */
  givenUp: (readonly [from: number, to: number])[];
}

interface State {
  /** Names as they are, and as they last. */
  readonly names: Map<string, File>;
  readonly lasting: Map<string, File>;
}

const BLOCK_BYTES = 64;

/** @param random from 0 to 1, to choose what a crash leaves and how far a write comes */
export function createCrashingDisk(
  random: () => number,
  state: State = { names: new Map(), lasting: new Map() },
): CrashingDisk {
  const { names, lasting } = state;
  const faults = new Set<DiskCall>();
  let callsToLive = Infinity;
  let hanging: { readonly promise: Promise<void>; readonly release: () => void } | undefined;

  /** @returns whether the call is to fail */
  async function begin(call: DiskCall): Promise<boolean> {
    await (hanging?.promise ?? Promise.resolve());
    callsToLive -= 1;
    if (callsToLive < 0) throw failure('EIO');
    return faults.delete(call) || callsToLive === 0;
  }

  async function attempt(call: DiskCall): Promise<void> {
    if (await begin(call)) throw failure('EIO');
  }

  function find(path: string): File {
    const file = names.get(path);
    if (file === undefined) throw failure('ENOENT');
    return file;
  }

  const used = (): number => [...names.values()].reduce((sum, { current }) => sum + current.length, 0);

  function toSpoolFile(file: File): SpoolFile {
    return {
      async write(content, position) {
        const isFailing = await begin('write');
        const room = disk.capacity - used() + Math.max(0, file.current.length - position);
        const length = isFailing ? Math.floor(random() * content.length) : Math.min(content.length, room);
        file.current = overwrite(file.current, content.subarray(0, length), position);
        if (length < content.length) throw failure('ENOSPC');
      },
      async sync() {
        if (await begin('sync')) {
          if (callsToLive > 0)
            file.givenUp.push([Math.min(file.synced.length, file.current.length), file.current.length]);
          throw failure('EIO');
        }
        persist(file);
      },
      close: () => Promise.resolve(),
    };
  }

  const disk: CrashingDisk = {
    capacity: Infinity,
    makeFolder: () => attempt('makeFolder'),
    async list(folder) {
      await attempt('list');
      return [...names.keys()].map((path) => path.slice(folder.length + 1));
    },
    async read(path, from, to) {
      await attempt('read');
      return Buffer.from(find(path).current.subarray(from, to));
    },
    async create(path) {
      await attempt('create');
      if (names.has(path)) throw failure('EEXIST');
      if (used() >= disk.capacity) throw failure('ENOSPC');
      const file: File = { synced: Buffer.alloc(0), current: Buffer.alloc(0), givenUp: [] };
      names.set(path, file);
      return toSpoolFile(file);
    },
    async cut(path, bytes) {
      await attempt('cut');
      const file = find(path);
      file.current = file.current.subarray(0, bytes);
      file.givenUp = file.givenUp.filter(([from]) => from < bytes);
      persist(file);
    },
    async remove(path) {
      await attempt('remove');
      find(path);
      names.delete(path);
    },
    async syncFolder() {
      await attempt('syncFolder');
      lasting.clear();
      for (const [path, file] of names) lasting.set(path, file);
    },
    failNext: (call) => faults.add(call),
    forgetFaults: () => { faults.clear(); },
    dieAt: (call) => { callsToLive = call; },
    hang() {
      let release = (): void => undefined;
      hanging = { promise: new Promise<void>((resolve) => (release = resolve)), release };
    },
    release() {
      hanging?.release();
      hanging = undefined;
    },
    revive() {
      faults.clear();
      callsToLive = Infinity;
    },
    crash() {
      for (const path of new Set([...names.keys(), ...lasting.keys()])) {
        const kept = random() < 0.5 ? names.get(path) : lasting.get(path);
        if (kept === undefined) names.delete(path);
        else names.set(path, kept);
      }
      lasting.clear();
      for (const [path, file] of names) {
        lasting.set(path, file);
        file.current = file.synced = leftOf(file, random);
        file.givenUp = [];
      }
      disk.revive();
    },
    damage(path, position) {
      const { current } = find(path);
      current[position] = (current[position] ?? 0) ^ 1;
    },
    paths: () => [...names.keys()].sort(),
    copy: () => createCrashingDisk(random, {
      names: new Map([...names].map(([path, file]) => [path, { ...file, givenUp: [...file.givenUp] }])),
      lasting: new Map(),
    }),
  }; // prettier-ignore
  return disk;
}

/** What was written lasts, but for what the kernel has given up. */
function persist(file: File): void {
  const { synced } = file;
  file.synced = Buffer.from(file.current);
  for (const [from, to] of file.givenUp)
    for (let at = from; at < Math.min(to, file.synced.length); at += 1) file.synced[at] = synced[at] ?? 0;
}

/** Some of the blocks, and any size between the two. */
function leftOf({ synced, current }: File, random: () => number): Buffer {
  const [shorter, longer] = [synced.length, current.length].sort((a, b) => a - b) as [number, number];
  const left = Buffer.alloc(shorter + Math.floor(random() * (longer - shorter + 1)));
  for (let at = 0; at < left.length; at += BLOCK_BYTES) {
    const kept = random() < 0.5 ? current : synced;
    left.set(kept.subarray(at, Math.min(at + BLOCK_BYTES, left.length)), at);
  }
  return left;
}

function overwrite(content: Buffer, piece: Buffer, position: number): Buffer {
  const whole = Buffer.alloc(Math.max(content.length, position + piece.length));
  content.copy(whole);
  piece.copy(whole, position);
  return whole;
}

function failure(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}
