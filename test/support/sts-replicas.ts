import { createTestCa } from './test-ca.ts';
import { openTestSts, seededSecrets, type TestSts, type TestStsOptions } from './test-sts.ts';

/** Replicas of one STS, all on the store of `shared`. */
export interface StsReplicas {
  open(more?: Partial<TestStsOptions>): Promise<TestSts>;
  close(): Promise<void>;
}

/** @param shared of each replica; all have the secrets and the certificate authority of the first, whether or not that started */
export function createStsReplicas(shared: () => TestStsOptions): StsReplicas {
  const opened: TestSts[] = [];
  let home: Pick<TestStsOptions, 'secrets' | 'ca'> | undefined;
  return {
    async open(more = {}) {
      const options = { ...shared(), ...more };
      const { secrets = await seededSecrets(options.clients), ca = await createTestCa() } = options;
      home ??= { secrets, ca };
      const sts = await openTestSts({ ...shared(), ...home, ...more });
      opened.push(sts);
      return sts;
    },
    async close() {
      await Promise.all(opened.map((sts) => sts.close()));
    },
  };
}
