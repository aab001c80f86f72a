// A process of its own, to be killed: records events and prints the id of each one once it is durable. Arguments: port, folder.
import { writeSync } from 'node:fs';
import { openSpool } from '@aduana/client/audit/spool';
import { createAuditClient } from '@aduana/client/audit/audit-client';
import { SecurityError } from '@aduana/core/errors/security-error';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createMetrics } from '@aduana/server-kit/platform/create-metrics';

const [port, folder] = process.argv.slice(2);
const log = createLog('silent', () => undefined);
const spool = await openSpool({ folder, key: Buffer.alloc(32, 1), maxBytes: 1e8, log });
const client = createAuditClient({
  instance: 'gateway@killed',
  spool,
  mode: 'fail_closed',
  platform: { clock: createSystemClock(), log, metrics: createMetrics() },
  async post(body, signal) {
    const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body, signal });
    if (!answer.ok) throw new SecurityError('AUDIT_UNAVAILABLE');
  },
});
const record = {
  type: 'request',
  class_uid: 6003,
  outcome: 'ALLOWED',
  actor: { sub: 'bff', client_id: 'bff', act: [], auth_method: null, cert_thumbprint: null },
};
let running = true;
process.on('SIGTERM', () => {
  running = false;
});
await client.start();
await Promise.all(
  Array.from({ length: 8 }, async () => {
    while (running) {
      const id = await client.record(record);
      writeSync(1, `${id}\n`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }),
);
await client.stop();
await spool.close();
