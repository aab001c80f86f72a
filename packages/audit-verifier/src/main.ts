#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { fetchBelow } from './fetch-object.ts';
import { printableLines } from './printable.ts';
import { EXIT } from './verdict.ts';
import { verifyLog } from './verify-log.ts';
import { verifyPublished } from './verify-published.ts';

const USAGE = `usage: aduana-audit-verify DIR|URL [--vkey VKEY] [--since CHECKPOINT_FILE] [--max-age SECONDS]
exit: 0 whole, 1 tampered, 2 incomplete, 3 usage`;

/** The verifier on its own, of a folder or of a log that is published: copy this folder anywhere, it needs Node and nothing else. */
async function main(): Promise<number> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { vkey: { type: 'string' }, since: { type: 'string' }, 'max-age': { type: 'string' } },
  });
  const [folder] = positionals;
  const maxAge = values['max-age'];
  if (folder === undefined || positionals.length > 1 || (maxAge !== undefined && !/^\d+$/.test(maxAge)))
    throw new TypeError(USAGE);
  const options = {
    now: Date.now(),
    ...(values.vkey === undefined ? {} : { vkey: values.vkey }),
    ...(values.since === undefined ? {} : { sinceFile: values.since }),
    ...(maxAge === undefined ? {} : { maxAgeSeconds: Number(maxAge) }),
  };
  const { exitCode, lines } = await (/^https?:/.test(folder)
    ? verifyPublished(fetchBelow(folder), options)
    : verifyLog({ ...options, folder }));
  process.stdout.write(`${lines.join('\n')}\n`);
  return exitCode;
}

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`${printableLines(error instanceof Error ? error.message : String(error))}\n`);
  return EXIT.usage;
});
