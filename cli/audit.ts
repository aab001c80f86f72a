import { makeFolder } from '@aduana/server-kit/platform/make-folder';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import type { Command } from 'commander';
import { EXIT, type Report } from '@aduana/audit-verifier/verdict';
import { exportLog } from '@aduana/audit-verifier/export-log';
import type { LogSource } from '@aduana/audit-verifier/log-source';
import { printable } from '@aduana/audit-verifier/printable';
import { Tampering, UsageProblem } from '@aduana/audit-verifier/problems';
import { verifyLog } from '@aduana/audit-verifier/verify-log';
import { verifyPublished } from '@aduana/audit-verifier/verify-published';
import { verifySource } from '@aduana/audit-verifier/verify-source';
import type { VerifyOptions } from '@aduana/audit-verifier/verify-options';
import { erasePerson } from './audit-erase.ts';
import { openLogSource } from './audit-export.ts';
import { recoverLog } from './audit-recover.ts';
import { rotateAuditKey } from './audit-rotate-key.ts';
import { followLog } from './audit-tail.ts';
import { proveEvent } from './audit-prove.ts';
import { type CommandContext, CommandFailure } from './command-context.ts';
import { examples } from './help-examples.ts';
import { openPublished, readPublished } from './published-log.ts';

interface VerifyFlags {
  readonly from?: string;
  readonly since?: string;
  readonly vkey?: string;
  readonly maxAge?: string;
}

const MOST_LOOKS = 4;
const LOOK_AGAIN_MS = 1_000;
/** A bucket gets a checkpoint every ten seconds. */
const LOOK_AT_BUCKET_MS = 10_000;
const PUBLISHED = 'where the log is published: https://host/prefix or s3://bucket/prefix';

/** `aduana audit`: verify, export, read and prove the log, as the auditor. */
export function registerAudit(program: Command, context: CommandContext): void {
  const audit = program.command('audit').description('verify, export and read the audit log');
  audit
    .command('verify')
    .exitOverride(({ exitCode }) => {
      throw new CommandFailure(exitCode === 0 ? EXIT.whole : EXIT.usage, ''); // commander has printed why
    })
    .description(
      'verify the log offline; exits 0 if it is complete and unchanged, 1 if tampered with, 2 if incomplete, 3 for wrong usage',
    )
    .addHelpText(
      'after',
      examples('audit verify', 'audit verify audit-export --vkey "$(cat vkey)" --since checkpoint'),
    )
    .argument(
      '[dir]',
      'a folder made by `audit export`; default: the log of the running service, or its database',
    )
    .option('--from <location>', PUBLISHED)
    .option('--since <file>', 'an older checkpoint: check that the log only grew since then')
    .option(
      '--vkey <vkey>',
      "the log's verifier key, from a source that you trust; default: the key in the export",
    )
    .option('--max-age <seconds>', 'fail if the newest event is older than this')
    .action(async (folder: string | undefined, flags: VerifyFlags) => {
      await verify(folder, flags, context);
    });
  audit
    .command('export')
    .description(
      'write the log into a folder: entries.jsonl, checkpoint, vkey, and the hashes of dropped entries',
    )
    .addHelpText('after', examples('audit export --out audit-export'))
    .requiredOption('--out <dir>', 'the folder; it is created if it does not exist')
    .option('--from <location>', PUBLISHED)
    .action(async ({ out, from }: { out: string; from?: string }) => {
      await writeTo(out, () => makeFolder(out));
      const source = await (from === undefined ? openLogSource(context) : openPublished(from, context));
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
    .description('print events as they are recorded, one JSON text per line')
    .addHelpText('after', examples('audit tail', 'audit tail --no-follow --from 0 --type key.rotate'))
    .option('--from <seq>', 'the number of the first event; default: only new events')
    .option('--type <type>', 'only events of this type')
    .option('--actor <actor>', 'only events of this actor')
    .option('--no-follow', 'stop after the newest event')
    .action(async (flags: { from?: string; type?: string; actor?: string; follow: boolean }) => {
      await followLog(flags, context);
    });
  audit
    .command('prove')
    .description('print the proof that an event is in the log (c2sp.org/tlog-proof), and verify it')
    .addHelpText('after', examples('audit prove 0197a3c2-7d52-7c3e-9f5a-2f1f0b6f3a11'))
    .argument('<id>', 'the id of the event, such as the header audit-id of an answer')
    .option(
      '--vkey <vkey>',
      "the log's verifier key, from a source that you trust; default: the key that ADUANA_HOME keeps",
    )
    .action(async (id: string, { vkey }: { vkey?: string }) => {
      await proveEvent(id, vkey, context);
    });
}

interface RecoverFlags {
  readonly reason: string;
  readonly as?: string;
  readonly keepNothing?: boolean;
}

/** What the operator does to persons and keys. */
function registerKeeping(audit: Command, context: CommandContext): void {
  audit
    .command('erase')
    .description(
      'make the personal data of a person unreadable, by destroying its key; the hashes of the log stay valid',
    )
    .requiredOption('--subject <subject>', 'the person, as named in the events')
    .requiredOption('--reason <text>', 'why; it is recorded in the audit log')
    .addHelpText('after', examples(`audit erase --subject ana --reason 'request of 2026-11-02'`))
    .action(async ({ subject, reason }: { subject: string; reason: string }) => {
      await erasePerson(subject, reason, context);
    });
  audit
    .command('recover')
    .description(
      'let the log continue after the database lost signed entries; operator and auditor must both approve',
    )
    .requiredOption('--reason <text>', 'what happened; it is recorded in the audit log')
    .option(
      '--as <service>',
      'approve as `operator` or as `auditor`; default: as both, with both certificates',
    )
    .option('--keep-nothing', 'begin anew although nothing of what was signed is left')
    .addHelpText('after', examples(`audit recover --reason 'db1 was lost, db2 lagged 1.5 s'`))
    .action(async ({ reason, as, keepNothing = false }: RecoverFlags) => {
      const approvers = as === undefined ? ['operator', 'auditor'] : [as];
      await recoverLog({ reason, keepsNothing: keepNothing }, approvers, context);
    });
  audit
    .command('rotate-key')
    .description('sign checkpoints with a new key and the old one, or remove the old one')
    .addHelpText('after', examples('audit rotate-key', 'audit rotate-key --finish'))
    .option('--finish', 'remove the old key; first give the new vkey to all verifiers')
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
    throw new CommandFailure(EXIT.usage, '--max-age must be a number of seconds');
  if (folder !== undefined && flags.from !== undefined)
    throw new CommandFailure(EXIT.usage, 'Give a folder or --from, not both');
  const options = {
    now: context.clock.now(),
    ...(flags.vkey === undefined ? {} : { vkey: flags.vkey }),
    ...(flags.since === undefined ? {} : { sinceFile: flags.since }),
    ...(flags.maxAge === undefined ? {} : { maxAgeSeconds: Number(flags.maxAge) }),
  };
  const { exitCode, lines } = await verifyWhere(folder, flags.from, options, context).catch(failToVerify);
  for (const line of lines) context.print(line);
  if (exitCode !== EXIT.whole) throw new CommandFailure(exitCode, '');
}

/** Exit code 1 is for a log that was tampered with, and whatever else goes wrong says nothing of that. */
function failToVerify(error: unknown): never {
  if (error instanceof CommandFailure || error instanceof ConfigurationError) throw error;
  const { message, detail } = error as { message?: unknown; detail?: unknown };
  const why = [String(message), ...(typeof detail === 'string' ? [detail] : [])].join(': ');
  throw new CommandFailure(EXIT.usage, `The log cannot be verified: ${why}`);
}

async function verifyWhere(
  folder: string | undefined,
  from: string | undefined,
  options: Omit<VerifyOptions, 'folder'>,
  context: CommandContext,
): Promise<Report> {
  if (folder !== undefined) return verifyLog({ ...options, folder });
  if (from === undefined) return lookAgain(LOOK_AGAIN_MS, () => verifyOwnLog(options, context), context);
  return readPublished(from, context, (read) =>
    lookAgain(
      LOOK_AT_BUCKET_MS,
      async () => ({ report: await verifyPublished(read, options), isRunning: true }),
      context,
    ),
  );
}

interface Look {
  readonly report: Report;
  /** Whether the log grows meanwhile. */
  readonly isRunning: boolean;
}

/** What is under way while a running log is read has no outcome yet: it is looked at again before that is called a gap. */
async function lookAgain(
  pauseMilliseconds: number,
  look: () => Promise<Look>,
  { clock }: CommandContext,
): Promise<Report> {
  for (let looks = 1; ; looks += 1) {
    const { report, isRunning } = await look();
    if (report.exitCode !== EXIT.incomplete || !isRunning || looks === MOST_LOOKS) return report;
    await clock.sleep(pauseMilliseconds);
  }
}

async function verifyOwnLog(options: Omit<VerifyOptions, 'folder'>, context: CommandContext): Promise<Look> {
  let isRunning = false;
  const open = async (): Promise<LogSource> => {
    const source = await openLogSource(context);
    ({ isRunning } = source);
    return source;
  };
  const report = await verifySource(open, options);
  return { report, isRunning };
}

/** @throws CommandFailure for what the file system refuses, a folder that is not the caller's alone, and a log that was tampered with */
async function writeTo<Result>(folder: string, write: () => Promise<Result>): Promise<Result> {
  try {
    return await write();
  } catch (error) {
    if (error instanceof UsageProblem) throw new CommandFailure(EXIT.usage, error.message);
    if (error instanceof Tampering)
      throw new CommandFailure(EXIT.tampered, `TAMPERED: ${printable(error.message)}`);
    const { syscall, code = '', path = folder } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    throw new CommandFailure(1, `${path} cannot be written (${code})\n  -> Choose another folder with --out`);
  }
}
