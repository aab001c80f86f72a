import type { Command } from 'commander';
import { type CommandContext, CommandFailure } from './command-context.ts';
import type { Callers, HandshakeCheck } from './handshake-check.ts';
import { HANDSHAKE_CHECKS } from './handshake-checks.ts';
import { openHouseClient } from './house-client.ts';

/** `aduana handshake`: asks a running installation for what it promises, refusals included. */
export function registerHandshake(program: Command, context: CommandContext): void {
  program
    .command('handshake')
    .description('check a running installation end to end, refusals included; exit 1 on any failure')
    .action(async () => {
      const callers = {
        bff: await openHouseClient('bff', context),
        operator: await openHouseClient('operator', context),
        auditor: await openHouseClient('auditor', context),
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
        throw new CommandFailure(1, 'The handshake failed: is every service running? See /health of each.');
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
