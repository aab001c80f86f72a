import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '@aduana/core/platform/sync-folder';
import type { SentPart, ShippedEvent, Sink, SinkConnection } from './sink.ts';
import type { SinkOf } from './sink-settings.ts';

/** A file that only grows, one event a line; an event counts once it is on the disk. Opened anew after it was moved away. */
export function createFileSink({ path }: SinkOf<'file'>): Sink {
  return {
    async connect(from) {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const file = await open(path, 'a+', 0o600);
      try {
        await endTornLine(file);
        await syncFolder(dirname(path));
        return new FileConnection(path, file, from);
      } catch (error) {
        await file.close();
        throw error;
      }
    },
  };
}

class FileConnection implements SinkConnection {
  readonly #path: string;
  readonly #file: FileHandle;
  #acknowledged: number;

  constructor(path: string, file: FileHandle, from: number) {
    this.#path = path;
    this.#file = file;
    this.#acknowledged = from;
  }

  async send(events: readonly ShippedEvent[]): Promise<SentPart> {
    await this.#assertInPlace();
    await this.#file.appendFile(events.map(({ text }) => `${text}\n`).join(''));
    await this.#file.datasync();
    this.#acknowledged = (events.at(-1)?.position ?? this.#acknowledged - 1) + 1;
    return { taken: events.length, dead: [] };
  }

  acknowledged(): number {
    return this.#acknowledged;
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  /** Who rotates logs moves the file: the next event begins a new one. */
  async #assertInPlace(): Promise<void> {
    const [held, there] = await Promise.all([this.#file.stat(), statOf(this.#path)]);
    if (held.ino !== there?.ino) throw new Error('the file was moved');
  }
}

/** What a full disk or a crash has cut in the middle of a line stays alone on it: the event is written again, whole. */
async function endTornLine(file: FileHandle): Promise<void> {
  const { size } = await file.stat();
  if (size === 0) return;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  if (buffer.toString() !== '\n') await file.appendFile('\n');
}

async function statOf(path: string) {
  const file = await open(path, 'r').catch(() => undefined);
  try {
    return await file?.stat();
  } finally {
    await file?.close();
  }
}
