import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from '@aduana/core/platform/make-folder';
import type { Command } from 'commander';
import { EXIT } from '../auditor/verdict.ts';
import { verifyExport } from '../auditor/verify-export.ts';
import { erasePerson } from './audit-erase.ts';
import { exportLog, openLogSource } from './audit-export.ts';
import { rotateAuditKey } from './audit-rotate-key.ts';
import { followLog } from './audit-tail.ts';
import { proveEvent } from './audit-prove.ts';
import { type CommandContext, CommandFailure } from './command-context.ts';

interface VerifyFlags {
  readonly since?: string;
  readonly vkey?: string;
  readonly maxAge?: string;
}

/** `aduana audit`: verify, export, read and prove the log, as the auditor. */
export function registerAudit(program: Command, context: CommandContext): void {
  const audit = program.command('audit').description('verify, export and read the audit log, as the auditor');
  audit
    .command('verify')
    .exitOverride(({ exitCode }) => {
      throw new CommandFailure(exitCode === 0 ? EXIT.whole : EXIT.usage, ''); // commander has told why
    })
    .description('check the log offline: exit 0 whole, 1 tampered, 2 incomplete, 3 usage')
    .argument(
      '[dir]',
      'an exported log; without it the running service is exported, else its store is opened',
    )
    .option('--since <file>', 'an older checkpoint, which the log must continue')
    .option('--vkey <vkey>', "the log's verifier key, known from elsewhere")
    .option('--max-age <seconds>', 'how old the newest event may be')
    .action(async (folder: string | undefined, flags: VerifyFlags) => {
      await verify(folder, flags, context);
    });
  audit
    .command('export')
    .description('write entries.jsonl, checkpoint and vkey; of dropped entries their hashes')
    .requiredOption('--out <dir>', 'the folder, made where it does not exist')
    .action(async ({ out }: { out: string }) => {
      await writeTo(out, () => makeFolder(out));
      const source = await openLogSource(context);
      try {
        const entries = await writeTo(out, () => exportLog(source, out));
        context.print(`${String(entries)} entries in ${out}`);
      } finally {
        await source.close();
      }
    });
  registerReading(audit, context);
  registerKeeping(audit, context);
}

/** What reads the log. */
function registerReading(audit: Command, context: CommandContext): void {
  audit
    .command('tail')
    .description('print events as they are recorded, one canonical text a line')
    .option('--from <seq>', 'the first event; without it only what is new')
    .option('--type <type>', 'only events of this type')
    .option('--actor <actor>', 'only events of this actor')
    .option('--no-follow', 'end at the newest event')
    .action(async (flags: { from?: string; type?: string; actor?: string; follow: boolean }) => {
      await followLog(flags, context);
    });
  audit
    .command('prove')
    .description('show that an event is in the log, as a c2sp.org/tlog-proof, and verify that')
    .argument('<id>', 'the event id, such as an audit-id header')
    .action(async (id: string) => {
      await proveEvent(id, context);
    });
}

/** What the operator does to persons and keys. */
function registerKeeping(audit: Command, context: CommandContext): void {
  audit
    .command('erase')
    .description(
      'destroy the key of a person: what the log holds of them can be read no more, its hashes stay',
    )
    .requiredOption('--subject <subject>', 'the person, as the recording services name them')
    .requiredOption('--reason <text>', 'why; it is recorded')
    .action(async ({ subject, reason }: { subject: string; reason: string }) => {
      await erasePerson(subject, reason, context);
    });
  audit
    .command('rotate-key')
    .description("add a new signing key beside the log's present one, or take the old one away")
    .option('--finish', 'take the old key away: verifiers must know the new one by now')
    .action(async ({ finish }: { finish?: boolean }) => {
      await rotateAuditKey(finish === true, context);
    });
}

async function verify(
  folder: string | undefined,
  flags: VerifyFlags,
  context: CommandContext,
): Promise<void> {
  if (flags.maxAge !== undefined && !/^\d+$/.test(flags.maxAge))
    throw new CommandFailure(EXIT.usage, '--max-age takes a number of seconds');
  const exported = folder === undefined ? await exportToTemporary(context) : undefined;
  try {
    const { exitCode, lines } = await verifyExport({
      folder: folder ?? exported ?? '',
      now: context.clock.now(),
      ...(flags.vkey === undefined ? {} : { vkey: flags.vkey }),
      ...(flags.since === undefined ? {} : { sinceFile: flags.since }),
      ...(flags.maxAge === undefined ? {} : { maxAgeSeconds: Number(flags.maxAge) }),
    });
    for (const line of lines) context.print(line);
    if (exitCode !== EXIT.whole) throw new CommandFailure(exitCode, '');
  } finally {
    if (exported !== undefined) await rm(exported, { recursive: true, force: true });
  }
}

/** @throws CommandFailure for what the file system refuses */
async function writeTo<Result>(folder: string, write: () => Promise<Result>): Promise<Result> {
  try {
    return await write();
  } catch (error) {
    const { syscall, code = '', path = folder } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    throw new CommandFailure(1, `${path} cannot be written (${code})\n  -> Name another folder with --out`);
  }
}

async function exportToTemporary(context: CommandContext): Promise<string> {
  const source = await openLogSource(context);
  try {
    const folder = await mkdtemp(join(tmpdir(), 'aduana-audit-'));
    await exportLog(source, folder);
    return folder;
  } finally {
    await source.close();
  }
}
