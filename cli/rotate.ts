import { type Command, Option } from 'commander';
import { type CommandContext, CommandFailure, EXIT_USAGE } from './command-context.ts';
import type { RotationStep } from './rotation-steps.ts';
import { examples } from './help-examples.ts';

const NAMES = [
  'signing-keys',
  'client-secrets',
  'certificates',
  'authority',
  'wrapping-key',
  'checkpoint-key',
  'policies',
] as const;

interface RotateFlags {
  readonly all?: boolean;
  readonly only?: readonly string[];
  readonly dryRun?: boolean;
  readonly reason: string;
}

/** `aduana rotate`: replaces keys, secrets and certificates of a running deployment, one kind after the other. */
export function registerRotate(program: Command, context: CommandContext): void {
  program
    .command('rotate')
    .description(
      'replace keys, secrets and certificates of the running deployment (with the operator certificate)',
    )
    .option('--all', 'all kinds')
    .addOption(new Option('--only <kind...>', 'only these kinds').choices(NAMES).conflicts('all'))
    .option('--dry-run', 'print what would be done, and change nothing')
    .option('--reason <text>', 'why; it is recorded in the audit log', 'rotated from the command line')
    .addHelpText(
      'after',
      `${examples('rotate --all --dry-run', 'rotate --only client-secrets signing-keys')}\n\nAfter this, checkpoints are signed with the new key and the old one. Give the new vkey to the auditors,\nthen run \`npx aduana audit rotate-key --finish\`.`,
    )
    .action((flags: RotateFlags) => rotate(flags, context));
}

async function rotate(flags: RotateFlags, context: CommandContext): Promise<void> {
  const { ROTATION_STEPS } = await import('./rotation-steps.ts');
  const wanted = ROTATION_STEPS.filter(({ name }) => flags.all === true || flags.only?.includes(name));
  if (wanted.length === 0)
    throw new CommandFailure(EXIT_USAGE, 'Give --all, or --only with one or more kinds');
  if (flags.dryRun === true) {
    for (const { name, plan } of wanted) context.print(`would rotate  ${name.padEnd(15)} ${plan}`);
    return;
  }
  const { openDeploymentClient } = await import('./deployment-client.ts');
  const { servicesWithSecrets } = await import('./services-with-secrets.ts');
  const operator = await openDeploymentClient('operator', context);
  try {
    const secretHolders = await servicesWithSecrets(operator.settings.POLICIES_DIR);
    const world = { operator, context, secretHolders, reason: flags.reason };
    const failures = await runAll(wanted, (step) => step.run(world), context);
    if (failures > 0) throw new CommandFailure(1, `${String(failures)} of ${String(wanted.length)} failed`);
  } finally {
    await operator.close();
  }
}

/** A step that fails does not keep the others. */
async function runAll(
  steps: readonly RotationStep[],
  run: (step: RotationStep) => ReturnType<RotationStep['run']>,
  { print }: CommandContext,
): Promise<number> {
  let failures = 0;
  for (const step of steps)
    try {
      const outcome = await run(step);
      const name = step.name.padEnd(15);
      print(typeof outcome === 'string' ? `rotated  ${name} ${outcome}` : `left     ${name} ${outcome.left}`);
    } catch (error) {
      failures += 1;
      print(`FAILED   ${step.name.padEnd(15)} ${(error as Error).message}`);
    }
  return failures;
}
