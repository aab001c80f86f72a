import { openTestSts, type TestSts, type TestStsOptions } from './test-sts.ts';

/** Replicas of one STS, all on the store of `shared`. */
export interface StsReplicas {
  open(more?: Partial<TestStsOptions>): Promise<TestSts>;
  close(): Promise<void>;
}

/** @param shared of each replica; those after the first also have its secrets and its certificate authority */
export function createStsReplicas(shared: () => TestStsOptions): StsReplicas {
  const opened: TestSts[] = [];
  return {
    async open(more = {}) {
      const [first] = opened;
      const ofFirst = first === undefined ? {} : { secrets: first.secrets, ca: first.ca };
      const sts = await openTestSts({ ...shared(), ...ofFirst, ...more });
      opened.push(sts);
      return sts;
    },
    async close() {
      await Promise.all(opened.map((sts) => sts.close()));
    },
  };
}
