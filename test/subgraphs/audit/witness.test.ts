import { afterEach, describe, expect, test } from '@jest/globals';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkpointText, createNoteSigner, signCheckpoint } from '@aduana/server-kit/audit/checkpoint';
import { openCosignature } from '@aduana/server-kit/audit/cosignature';
import {
  consistencyProofRanges,
  foldSubtrees,
  Frontier,
  leafHash,
  subtreesOf,
} from '@aduana/server-kit/audit/merkle';
import { sha256Hex } from '@aduana/core/platform/digest';
import { openWitness, type Witness } from '../../../subgraphs/audit/checkpoints/witness.ts';
import { commandsOf, describeWith } from '../../support/foreign-parts.ts';
import { freePort, untilListening } from '../../support/free-port.ts';

const [WITNESS] = commandsOf('sigsum-witness');
const LEAVES = Array.from({ length: 300 }, (_, at) => leafHash(String(at)));
const signer = createNoteSigner(
  (publicKey) => `sigsum.org/v1/tree/${sha256Hex(publicKey)}`,
  Buffer.alloc(32, 9),
);

function checkpointOf(leaves: readonly Buffer[]) {
  const tree = new Frontier();
  for (const leaf of leaves) tree.append(leaf);
  const checkpoint = { origin: signer.name, size: tree.size, root: tree.root() };
  return { ...checkpoint, note: signCheckpoint(checkpoint, [signer]) };
}

const completeHash = (leaves: readonly Buffer[]): Buffer => checkpointOf(leaves).root;

/** The proofs of a log that holds these leaves. */
const treeOf = (leaves: readonly Buffer[]) => ({
  consistencyProof: (from: number, to: number) =>
    Promise.resolve(
      consistencyProofRanges(from, to).map((range) =>
        foldSubtrees(
          subtreesOf(range).map(({ level, index }) =>
            completeHash(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level)),
          ),
        ),
      ),
    ),
});

const isSigsumHere = WITNESS !== undefined && commandsOf('sigsum-key').length > 0;

describeWith('sigsum-go', isSigsumHere, "against Sigsum's witness", () => {
  let folder: string;
  let witnessProcess: ChildProcess | undefined;
  afterEach(async () => {
    witnessProcess?.kill('SIGKILL');
    if (witnessProcess?.exitCode === null) await once(witnessProcess, 'exit');
    await rm(folder, { recursive: true });
  });

  async function start(): Promise<{ url: string; vkey: string }> {
    folder = await mkdtemp(join(tmpdir(), 'aduana-witness-'));
    const at = (name: string): string => join(folder, name);
    execFileSync('sigsum-key', ['generate', '-o', at('witness')]);
    const run = (...parameters: string[]): string => execFileSync('sigsum-key', parameters).toString().trim();
    const name = `sigsum.org/v1/witness/${run('to-hash', '-k', at('witness.pub'))}`;
    const vkey = run('to-vkey', '-k', at('witness.pub'), '-n', name, '--type', 'cosignature/v1');
    await writeFile(at('log.vkey'), `${signer.vkey}\n`);
    execFileSync('sigsum-key', ['from-vkey', '-k', at('log.vkey'), '-o', at('log.pub')]);
    const port = await freePort();
    witnessProcess = spawn(
      WITNESS ?? '',
      [
        '-k',
        at('witness'),
        '--log-key',
        at('log.pub'),
        '--state-file',
        at('state'),
        `127.0.0.1:${String(port)}`,
      ],
      {
        env: { ...process.env, GODEBUG: 'httpmuxgo121=0' },
        stdio: 'ignore',
      },
    );
    await untilListening(port);
    return { url: `http://127.0.0.1:${String(port)}`, vkey };
  }

  const open = (
    deployment: { url: string; vkey: string },
    leaves: readonly Buffer[],
    file = 'witnessed',
  ): Promise<Witness> =>
    openWitness({
      ...deployment,
      logVkeys: () => [signer.vkey],
      guard: { last: checkpointOf(leaves) },
      tree: treeOf(leaves) as never,
      file: join(folder, file),
      stop: new AbortController().signal,
    });

  test('has each growth of the log cosigned', async () => {
    const deployment = await start();
    for (const size of [1, 7, 256, 300]) {
      const witness = await open(deployment, LEAVES.slice(0, size));
      await witness.submit();
      expect(witness.size).toBe(size);
      const lines = witness.note?.split('\n') ?? [];
      const text = checkpointText(checkpointOf(LEAVES.slice(0, size)));
      expect(lines.filter((line) => openCosignature(line, text, deployment.vkey) !== undefined)).toHaveLength(
        1,
      );
    }
  });

  test('learns from the witness what it has seen, where its own memory is lost', async () => {
    const deployment = await start();
    await (await open(deployment, LEAVES.slice(0, 100))).submit();
    const forgetful = await open(deployment, LEAVES, 'other-file');
    expect(forgetful.size).toBe(0);
    await forgetful.submit();
    expect(forgetful.size).toBe(300);
  });

  test('gets no cosignature for another history', async () => {
    const deployment = await start();
    await (await open(deployment, LEAVES.slice(0, 100))).submit();
    const rewritten = LEAVES.with(50, leafHash('something else'));
    await expect((await open(deployment, rewritten, 'other-file')).submit()).rejects.toThrow(
      'the witness answered 422',
    );
  });

  test('is told when the log has become shorter than what the witness has seen', async () => {
    const deployment = await start();
    await (await open(deployment, LEAVES)).submit();
    await expect((await open(deployment, LEAVES.slice(0, 10), 'other-file')).submit()).rejects.toThrow(
      'a log of 300 entries',
    );
  });
});

describe('a witness that does not do its part', () => {
  let folder: string;
  let server: Server;
  const stopping = new AbortController();
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true });
  });

  async function openBefore(answer: RequestListener): Promise<Witness> {
    folder = await mkdtemp(join(tmpdir(), 'aduana-witness-'));
    server = createServer(answer).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return openWitness({
      url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
      vkey: signer.vkey,
      logVkeys: () => [signer.vkey],
      guard: { last: checkpointOf(LEAVES) },
      tree: treeOf(LEAVES) as never,
      file: join(folder, 'witnessed'),
      stop: stopping.signal,
    });
  }

  test('is not read without end', async () => {
    const witness = await openBefore((_, response) => {
      const more = (): void => {
        while (response.write(Buffer.alloc(65_536)));
        response.once('drain', more);
      };
      more();
    });
    await expect(witness.submit()).rejects.toThrow('too large');
    expect(witness.note).toBeUndefined();
  });

  test.each(['', '— someone AAAA\n', '<html>'])('has not cosigned by answering %j', async (answer) => {
    const witness = await openBefore((_, response) => response.end(answer));
    await expect(witness.submit()).rejects.toThrow('not the one of this witness');
    expect(witness.size).toBe(0);
  });

  test('is not waited for when the log stops', async () => {
    const witness = await openBefore(() => {
      stopping.abort();
    });
    await expect(witness.submit()).rejects.toThrow('aborted');
  });
});
