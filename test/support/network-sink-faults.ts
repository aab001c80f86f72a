import { expect } from '@jest/globals';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { createServer } from 'node:tls';
import type { SiemReceiver } from './siem-receivers.ts';
import { createTestCa } from './test-ca.ts';
import { down, each, EVENTS, type MakeFault, NETWORK, untilTaking, up } from './sink-fault.ts';

/** One event a second. */
const HOUR_OF_EVENTS = 3600;
const HOUR_MS = 3_600_000;

/** What befalls the connection to a receiver. */
export const NETWORK_FAULTS: Readonly<Record<string, MakeFault>> = {
  'not there at the start': () => ({ kinds: NETWORK, begin: down, end: up }),

  'away for an hour': ({ clock, post }) => ({
    kinds: NETWORK,
    leastLag: HOUR_OF_EVENTS,
    begin: down,
    async load() {
      const { speed } = clock;
      const over = clock.monotonic() + HOUR_MS;
      clock.speed = 1200;
      for (let part = 0; part < 12; part += 1) {
        await post(HOUR_OF_EVENTS / 12);
        await wait(200);
      }
      while (clock.monotonic() < over) await wait(50);
      clock.speed = speed;
    },
    end: up,
  }),

  'killed in the middle, three times': ({ clock, post }) => {
    let dying: readonly SiemReceiver[] = [];
    return {
      kinds: NETWORK,
      leastLag: 0,
      begin(victims) {
        dying = victims;
        return Promise.resolve();
      },
      async load() {
        const { speed } = clock;
        clock.speed = 4; // nothing but time tells that syslog has arrived
        for (let kill = 0; kill < 3; kill += 1) {
          const taking = dying.map(untilTaking);
          await post(EVENTS / 3);
          await Promise.all(
            dying.map(async (victim, at) => {
              await taking[at];
              await victim.kill();
            }),
          );
          await post(100);
          await each(dying, (victim) => victim.start());
        }
        await wait(1500);
        clock.speed = speed;
      },
    };
  },

  'connection reset, five times': ({ post }) => {
    let cut: readonly SiemReceiver[] = [];
    return {
      kinds: NETWORK,
      leastLag: 0,
      begin(victims) {
        cut = victims;
        return Promise.resolve();
      },
      async load() {
        for (let reset = 0; reset < 5; reset += 1) {
          const taking = cut.map(untilTaking);
          await post(EVENTS / 5);
          await Promise.all(
            cut.map(async (victim, at) => {
              await taking[at];
              victim.link?.reset();
            }),
          );
        }
      },
    };
  },

  'hangs, and dies of it': () => ({
    kinds: NETWORK,
    begin: (victims) =>
      each(victims, ({ link }) => {
        if (link !== undefined) link.isSilent = true;
      }),
    end: (victims) =>
      each(victims, ({ link }) => {
        if (link === undefined) return;
        link.isSilent = false;
        link.reset();
      }),
  }),

  'certificate of another CA': () => {
    let heard = 0;
    let close: () => void = () => undefined;
    const genuine = new Map<SiemReceiver, number>();
    return {
      kinds: NETWORK,
      async begin(victims) {
        const { cert, key } = await (await createTestCa()).issue('sts');
        const impostor = createServer({ cert, key }, (socket) => {
          socket.on('error', () => undefined).on('data', ({ length }: Buffer) => (heard += length));
        }).listen(0, '127.0.0.1');
        await once(impostor, 'listening');
        close = () => impostor.close();
        const { port } = impostor.address() as AddressInfo;
        await each(victims, (victim) => {
          if (victim.link === undefined) return;
          genuine.set(victim, victim.link.target);
          victim.link.target = port;
          victim.link.reset();
        });
      },
      prove() {
        expect(heard).toBe(0);
        return Promise.resolve();
      },
      async end(victims) {
        await each(victims, (victim) => {
          if (victim.link === undefined) return;
          victim.link.target = genuine.get(victim) ?? 0;
          victim.link.reset();
        });
        close();
      },
    };
  },
};
