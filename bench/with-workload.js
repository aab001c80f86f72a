import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { prepareAduana, startDeployment } from './start-aduana.js';
import { forkChild, nextMessage, stopAll } from './start-process.js';
import { withDatabase } from './with-database.js';

/** What may still be written to the database once all are asked to stop. */
const STOP_MS = 3_000;

/** Runs `work` beside the workload's subgraphs, the token service and the audit log, over a database of their own. */
export async function withWorkload(work) {
  process.env.APOLLO_TELEMETRY_DISABLED = 'true';
  await withDatabase('bench', async (databaseUrl, backends) => {
    let deployment;
    try {
      deployment = await prepareAduana(databaseUrl);
      const subgraphs = forkChild(new URL('workload/serve-subgraphs.js', import.meta.url).pathname, {
        CERTS_DIR: deployment.env.CERTS_DIR,
      });
      const { ports, control } = await nextMessage(subgraphs);
      const helpers = { deployment: await startDeployment(deployment, ports), subgraphs, backends };
      await work({ deployment, ports, control, helpers });
    } finally {
      stopAll();
      await sleep(STOP_MS);
      if (deployment !== undefined) rmSync(deployment.folder, { recursive: true, force: true });
    }
  });
}
