import type { Command } from 'commander';
import { type CommandContext, CommandFailure } from './command-context.ts';
import type { Callers, HandshakeCheck } from './handshake-check.ts';
import { HANDSHAKE_CHECKS } from './handshake-checks.ts';
import { openDeploymentClient } from './deployment-client.ts';
import { examples } from './help-examples.ts';

/** `aduana handshake`: asks a running installation for what it promises, refusals included. */
export function registerHandshake(program: Command, context: CommandContext): void {
  program
    .command('handshake')
    .description('check a running installation end to end, refusals included; exits 1 if a check fails')
    .addHelpText('after', examples('handshake'))
    .action(async () => {
      const callers = {
        bff: await openDeploymentClient('bff', context),
        operator: await openDeploymentClient('operator', context),
        auditor: await openDeploymentClient('auditor', context),
      };
      let failures = 0;
      try {
        for (const check of HANDSHAKE_CHECKS) {
          const { ok, seen } = await tryCheck(check, callers);
          if (!ok) failures += 1;
          context.print(`${ok ? 'ok  ' : 'FAIL'}  ${check.name.padEnd(58)}  ${seen}`);
        }
      } finally {
        await Promise.all(Object.values(callers).map((caller) => caller.close()));
      }
      const passed = HANDSHAKE_CHECKS.length - failures;
      context.print(`${String(passed)} of ${String(HANDSHAKE_CHECKS.length)} checks passed`);
      if (failures > 0)
        throw new CommandFailure(
          1,
          'The handshake failed\n  -> Check that every service runs: see /health of each',
        );
    });
}

async function tryCheck(check: HandshakeCheck, callers: Callers): Promise<{ ok: boolean; seen: string }> {
  try {
    return { ok: true, seen: await check.run(callers) };
  } catch (error) {
    const { message, detail } = error as { message?: string; detail?: string };
    return { ok: false, seen: (detail ?? message ?? String(error)).split('\n')[0] ?? '' };
  }
}
