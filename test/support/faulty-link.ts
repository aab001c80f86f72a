import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePort } from './free-port.ts';

/** The network between a sink and its receiver. */
export interface FaultyLink {
  readonly port: number;
  /** Where new connections lead. */
  target: number;
  /** While true what the receiver answers is swallowed, and what is sent to a receiver that says nothing waits. */
  isSilent: boolean;
  /** How much later each piece arrives, in either direction; what is on its way keeps its order. */
  delayMilliseconds: number;
  /** How many connections were asked for. */
  readonly connections: number;
  /** Nobody listens any more, and what is open is cut. */
  down(): Promise<void>;
  up(): Promise<void>;
  /** RST to both sides of all that is open. */
  reset(): void;
}

/** Between which hosts, other than on loopback. */
interface FaultyLinkPlace {
  readonly listenAt: string;
  readonly listenPort: number;
  readonly targetHost: string;
}

/** @param answers false: the receiver's protocol has no answers, so that silence is to read no more */
export async function openFaultyLink(
  target: number,
  answers: boolean,
  place?: FaultyLinkPlace,
): Promise<FaultyLink> {
  const port = place?.listenPort ?? (await freePort());
  const open = new Set<Socket>();
  let server: Server | undefined;
  let connections = 0;

  const link: FaultyLink = {
    port,
    target,
    isSilent: false,
    delayMilliseconds: 0,
    get connections() {
      return connections;
    },
    async down() {
      if (server === undefined) return;
      const closed = once(server.close(), 'close');
      server = undefined;
      for (const socket of open) socket.destroy();
      await closed;
    },
    async up() {
      if (server !== undefined) return;
      server = createServer(join).listen(port, place?.listenAt ?? '127.0.0.1');
      await once(server, 'listening');
    },
    reset() {
      for (const socket of open) socket.resetAndDestroy();
    },
  };

  function join(near: Socket): void {
    connections += 1;
    const far = connect(link.target, place?.targetHost ?? '127.0.0.1');
    for (const [one, other] of [[near, far], [far, near]] as const) {
      open.add(one);
      one.on('error', () => undefined);
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
      one.on('end', () => other.end());
      const forward = delayed((chunk) => other.write(chunk));
      one.on('data', (chunk: Buffer) => {
        if (!link.isSilent) forward(chunk, link.delayMilliseconds);
        else if (!answers) one.pause();
        else if (one === near) other.write(chunk);
      });
    } // prettier-ignore
  }

  await link.up();
  return link;
}

/** Passes pieces on after their delay, and never before an earlier one. */
function delayed(pass: (chunk: Buffer) => void): (chunk: Buffer, milliseconds: number) => void {
  let free = 0;
  return (chunk, milliseconds) => {
    const now = performance.now();
    free = Math.max(free, now + milliseconds);
    if (free <= now) pass(chunk);
    else setTimeout(pass, free - now, chunk);
  };
}
