import { auditUrl } from '@aduana/core/config/house-settings';
import { type CommandContext, CommandFailure } from './command-context.ts';
import { openHouseClient } from './house-client.ts';

const TIMEOUT_MS = 10_000;
const ANSWER_BYTES = 65_536;

/** Erases a person from the log, as the operator. */
export async function erasePerson(subject: string, reason: string, context: CommandContext): Promise<void> {
  const house = await openHouseClient('operator', context);
  try {
    const peer = house.client.peer({
      origin: new URL(auditUrl(house.settings)).origin,
      spiffeId: `spiffe://${house.settings.TRUST_DOMAIN}/audit`,
      failureCode: 'AUDIT_UNAVAILABLE',
    });
    const { status, body } = await peer.request({
      method: 'POST',
      path: '/audit/erase',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ subject, reason }),
      timeoutMilliseconds: TIMEOUT_MS,
      maxResponseBytes: ANSWER_BYTES,
    });
    if (status !== 200)
      throw new CommandFailure(
        1,
        `The audit service answered with HTTP ${String(status)}: ${body.toString('utf8')}`,
      );
    const { erased } = JSON.parse(body.toString('utf8')) as { erased: boolean };
    context.print(erased ? 'erased: the key is destroyed' : 'the log holds no personal data of this subject');
  } finally {
    await house.close();
  }
}
