import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { addressOf, type HostName, run } from './network.ts';

/** A machine of the bed: a network namespace, and what runs in it. */
export interface Host {
  start(command: readonly string[], options?: StartOptions): HostProcess;
  /** SIGSTOP or SIGCONT, or any other, to everything in it. */
  signal(name: NodeJS.Signals): Promise<void>;
  /** The power goes: nobody answers any more, not even with a reset. */
  powerOff(): Promise<void>;
  /** Nothing runs in it. */
  isIdle(): Promise<boolean>;
  setLink(state: 'up' | 'down'): Promise<void>;
  /** What passes between this host and another one's port vanishes, also on connections that are open. */
  cut(to: HostName | 'tests', port: number): Promise<void>;
  /** Undoes `cut`. */
  mend(): Promise<void>;
}

interface StartOptions {
  readonly user?: 'postgres' | 'nobody';
  readonly environment?: Readonly<Record<string, string>>;
}

export interface HostProcess {
  readonly child: ChildProcess;
  readonly hasEnded: boolean;
  /** @returns its exit code; null where the signal ended it */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** @param folder where each host's processes print into a file of its own */
export function openHost(name: HostName, folder: string): Host {
  const pids = async (): Promise<readonly number[]> =>
    (await run('ip', 'netns', 'pids', name)).split('\n').filter(Boolean).map(Number);

  async function signal(which: NodeJS.Signals): Promise<readonly number[]> {
    const found = await pids();
    for (const pid of found) signalQuietly(pid, which);
    return found;
  }

  async function setLink(state: 'up' | 'down'): Promise<void> {
    await run('ip', 'link', 'set', `to-${name}`, state);
  }

  const iptables = (...parameters: readonly string[]): Promise<string> =>
    run('nsenter', `--net=/run/netns/${name}`, 'iptables', ...parameters);

  return {
    start: (command, options = {}) => start(name, join(folder, `${name}.log`), command, options),
    async signal(which) {
      await signal(which);
    },
    async powerOff() {
      await setLink('down');
      while ((await signal('SIGKILL')).length > 0) await wait(50);
    },
    isIdle: async () => (await pids()).length === 0,
    setLink,
    async cut(to, port) {
      const [peer, number] = [addressOf(to), String(port)];
      await iptables('-A', 'OUTPUT', '-d', peer, '-p', 'tcp', '--dport', number, '-j', 'DROP');
      await iptables('-A', 'INPUT', '-s', peer, '-p', 'tcp', '--sport', number, '-j', 'DROP');
    },
    async mend() {
      await iptables('-F');
    },
  };
}

function start(
  name: HostName,
  file: string,
  command: readonly string[],
  { user, environment }: StartOptions,
): HostProcess {
  const { PATH = '' } = process.env;
  const login =
    user === undefined ? [] : ['setpriv', `--reuid=${user}`, `--regid=${groupOf(user)}`, '--clear-groups'];
  const child = spawn('nsenter', [`--net=/run/netns/${name}`, ...login, ...command], {
    env: { PATH, HOME: '/', LANG: 'C.UTF-8', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => { appendFileSync(file, chunk); }); // prettier-ignore
  child.once('exit', (code, signal) => { appendFileSync(file, `ended with ${String(code ?? signal)}\n`); }); // prettier-ignore
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  return {
    child,
    get hasEnded() {
      return hasEnded();
    },
    async end(signal) {
      if (!hasEnded()) {
        const exited = once(child, 'exit');
        child.kill(signal);
        await exited;
      }
      return child.exitCode;
    },
  };
}

function groupOf(user: 'postgres' | 'nobody'): string {
  return user === 'nobody' ? 'nogroup' : user;
}

function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // it has just ended
  }
}
