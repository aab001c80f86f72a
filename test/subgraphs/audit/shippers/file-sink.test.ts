import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { appendFile, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFileSink } from '../../../../subgraphs/audit/shippers/file-sink.ts';
import type { Sink } from '../../../../subgraphs/audit/shippers/sink.ts';
import { shippedEvents } from '../../../support/shipped-events.ts';

describe('the file sink', () => {
  let folder: string;
  let path: string;
  let sink: Sink;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aduana-archive-'));
    path = join(folder, 'archive/events.jsonl');
    sink = createFileSink({ name: 'archive', kind: 'file', format: 'ocsf', path });
  });
  afterEach(() => rm(folder, { recursive: true }));

  const lines = async (file = path): Promise<string[]> => (await readFile(file, 'utf8')).split('\n');
  const texts = (from: number, count: number): string[] => shippedEvents(from, count).map(({ text }) => text);

  async function send(from: number, count: number): Promise<number> {
    const connection = await sink.connect(from);
    try {
      await connection.send(shippedEvents(from, count));
      return connection.acknowledged();
    } finally {
      await connection.close();
    }
  }

  test('writes one event a line, and goes on behind what is there', async () => {
    expect(await send(0, 2)).toBe(2);
    expect(await send(2, 1)).toBe(3);
    expect(await lines()).toEqual([...texts(0, 3), '']);
  });

  test('leaves a torn line alone: the event after it begins a line of its own', async () => {
    await send(0, 1);
    await appendFile(path, '{"torn":');
    expect(await send(1, 1)).toBe(2);
    expect(await lines()).toEqual([...texts(0, 1), '{"torn":', ...texts(1, 1), '']);
  });

  test('begins a new file once the old one is moved away', async () => {
    const connection = await sink.connect(0);
    await connection.send(shippedEvents(0, 1));
    await rename(path, `${path}.1`);
    await expect(connection.send(shippedEvents(1, 1))).rejects.toThrow('moved');
    await connection.close();
    await send(1, 1);
    expect(await lines(`${path}.1`)).toEqual([...texts(0, 1), '']);
    expect(await lines()).toEqual([...texts(1, 1), '']);
  });
});
