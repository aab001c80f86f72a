import { setTimeout as wait } from 'node:timers/promises';
import type { SoakedDeployment } from './soaked-deployment.ts';

/** Something that goes wrong, or is replaced, while clients ask; it resolves when it is over. */
export interface SoakFault {
  readonly name: string;
  /** Whether a service begins anew by it, and its memory with it. */
  readonly endsService?: boolean;
  happen(soaked: SoakedDeployment, random: () => number): Promise<void>;
}

const SERVICES = ['audit', 'sts', 'admin', 'leads', 'gateway'] as const;

const kills: readonly SoakFault[] = SERVICES.map((service) => ({
  name: `kill -9 of ${service}`,
  endsService: true,
  async happen({ deployment }, random) {
    await deployment.kill(service);
    await wait(random() * 2000);
    deployment.start(service);
  },
}));

const stores: readonly SoakFault[] = [
  {
    name: 'kill -9 of PostgreSQL',
    async happen({ cluster }, random) {
      await cluster.kill();
      await wait(random() * 2000);
      await cluster.start();
    },
  },
  {
    name: 'connections to PostgreSQL cut',
    async happen({ toPostgres }, random) {
      for (let cut = 0; cut < 3; cut += 1) {
        toPostgres.reset();
        await wait(random() * 700);
      }
    },
  },
  {
    name: 'PostgreSQL away',
    async happen({ toPostgres }, random) {
      await toPostgres.down();
      await wait(1000 + random() * 5000);
      await toPostgres.up();
    },
  },
  {
    name: 'PostgreSQL hangs',
    async happen({ cluster }, random) {
      cluster.hold();
      await wait(500 + random() * 3500);
      cluster.release();
    },
  },
  {
    name: 'Redis away',
    async happen({ toRedis }, random) {
      await toRedis.down();
      await wait(1000 + random() * 5000);
      await toRedis.up();
    },
  },
];

const replacements: readonly SoakFault[] = [
  {
    name: 'rotation of keys, secrets and certificates',
    async happen({ deployment }) {
      expectDone(await deployment.aduana('rotate', '--all'));
      expectDone(await deployment.aduana('audit', 'rotate-key', '--finish'));
    },
  },
  { name: 'another policy set', happen: ({ changePolicies }) => changePolicies() },
];

function expectDone({ code, stdout, stderr }: { readonly code: number; readonly stdout: string; readonly stderr: string }): void {
  if (code !== 0) throw new Error(`exit code ${String(code)}:\n${stdout}${stderr}`);
} // prettier-ignore

/** Every fault once in each turn, in an order that the seed determines. */
export function* shuffledFaults(random: () => number): Generator<SoakFault, never> {
  for (;;) {
    const deck = [...kills, ...stores, ...replacements];
    while (deck.length > 0) {
      const [fault] = deck.splice(Math.floor(random() * deck.length), 1);
      if (fault !== undefined) yield fault;
    }
  }
}
