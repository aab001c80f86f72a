import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Database } from '@aduana/server-kit/store/database';

/** Bytes that must be nowhere, by what they are. */
export type KnownSecrets = ReadonlyMap<string, Uint8Array | string>;

/** Something that was written, and where. */
export interface Written {
  readonly where: string;
  readonly content: Buffer;
}

/** A token of any kind, which nobody could know beforehand. */
const COMPACT_JWS = /eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{40,}/;
const LEAST_LENGTH = 12;

/** Which secrets stand where, in clear, hex, base64 or base64url, alone or within something longer; nothing else of them. */
export function findSecrets(written: readonly Written[], secrets: KnownSecrets): readonly string[] {
  const needles = [...secrets].flatMap(([name, value]) =>
    encodingsOf(Buffer.from(value as string)).map((needle) => ({ name, ...needle })),
  );
  return written.flatMap(({ where, content }) => {
    const text = content.toString('latin1');
    const lower = text.toLowerCase();
    const found = needles
      .filter(({ encoding, needle }) => (encoding === 'hex' ? lower : text).includes(needle))
      .map(({ name, encoding }) => `${where}: ${name} (${encoding})`);
    return COMPACT_JWS.test(text) ? [...found, `${where}: a token`] : found;
  });
}

function encodingsOf(value: Buffer): readonly { readonly encoding: string; readonly needle: string }[] {
  if (value.length < LEAST_LENGTH) throw new Error('too short a secret to be searched for');
  return [
    { encoding: 'clear', needle: value.toString('latin1') },
    { encoding: 'percent', needle: encodeURIComponent(value.toString('latin1')) },
    { encoding: 'JSON', needle: JSON.stringify(value.toString('latin1')).slice(1, -1) },
    { encoding: 'hex', needle: value.toString('hex') },
    ...(['base64', 'base64url'] as const).flatMap((encoding) =>
      // within something longer three bytes may begin at any of its own: what they share with others is left out
      [0, 1, 2].map((shift) => {
        const digits = Buffer.concat([Buffer.alloc(shift), value])
          .toString(encoding)
          .replace(/=+$/, '');
        return { encoding, needle: digits.slice(shift === 0 ? 0 : shift + 1, -2) };
      }),
    ),
  ];
}

/** Every file beneath a folder but those that `isKnown`. */
export async function readFolder(
  folder: string,
  isKnown: (path: string) => boolean,
): Promise<readonly Written[]> {
  const files: Written[] = [];
  for (const name of await readdir(folder, { recursive: true })) {
    const path = join(folder, name);
    if (isKnown(path)) continue;
    const content = await readIfThere(path);
    if (content !== undefined) files.push({ where: path, content });
  }
  return files;
}

/** Locks come and go while a deployment runs. */
async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return (await stat(path)).isFile() ? await readFile(path) : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Every row of every table, as a dump has them: bytes in hex. */
export async function readTables(superuser: Database): Promise<readonly Written[]> {
  const { rows: tables } = await superuser.query<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
      WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
  );
  const dumps: Written[] = [];
  for (const { name } of tables) {
    const { rows } = await superuser.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
    dumps.push({ where: name, content: Buffer.from(rows.map(({ row }) => row).join('\n')) });
  }
  return dumps;
}

/** The command line of every process of the machine. */
export async function readCommandLines(): Promise<readonly Written[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  return Promise.all(
    pids.map(async (pid) => ({
      where: `the command line of ${pid}`,
      content: await readFile(`/proc/${pid}/cmdline`).catch(() => Buffer.of()),
    })),
  );
}
