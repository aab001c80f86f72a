import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commandsOf, describeWith } from './foreign-parts.ts';
import { freePort, untilListening } from './free-port.ts';
import { createTestCa } from './test-ca.ts';

const [RSYSLOGD] = commandsOf('rsyslogd');

/** A suite against Debian's rsyslog. */
export function describeRsyslog(name: string, suite: () => void): void {
  describeWith('rsyslog', RSYSLOGD !== undefined, name, suite);
}

/** rsyslog with a TLS listener that asks for a client certificate, writing what it gets to one file. */
export interface Rsyslog {
  readonly port: number;
  readonly address: string;
  readonly tls: { readonly ca: string; readonly certificate: string; readonly key: string };
  start(): Promise<void>;
  /** As a power cut would: nothing is flushed. */
  kill(): Promise<void>;
  /** What is between ` BEGIN` and the end of each received line: the events' JSON. */
  received(): Promise<readonly { readonly metadata: { readonly uid: string; readonly sequence: number } }[]>;
  remove(): Promise<void>;
}

export async function openRsyslog(module: 'imtcp' | 'imrelp'): Promise<Rsyslog> {
  const folder = await mkdtemp(join(tmpdir(), 'aduana-rsyslog-'));
  await (await createTestCa()).write(folder, ['sts', 'audit']);
  await mkdir(join(folder, 'work'));
  const port = await freePort();
  const file = (name: string): string => join(folder, name);
  await writeFile(file('rsyslog.conf'), configuration(module, folder, port));
  let process: ChildProcess | undefined;

  async function kill(): Promise<void> {
    if (process === undefined || process.exitCode !== null) return;
    process.kill('SIGKILL');
    await once(process, 'exit');
    process = undefined;
    await rm(file('pid'), { force: true });
  }

  return {
    port,
    address: `localhost:${String(port)}`,
    tls: { ca: file('ca.crt'), certificate: file('audit.crt'), key: file('audit.key') },
    async start() {
      process = spawn(RSYSLOGD ?? '', ['-n', '-f', file('rsyslog.conf'), '-i', file('pid')], { stdio: 'ignore' });
      await untilListening(port);
    },
    kill,
    async received() {
      const text = await readFile(file('out'), 'utf8').catch(() => '');
      return text.split('\n').filter((line) => line.endsWith('}')).map((line) => JSON.parse(line) as never);
    },
    async remove() {
      await kill();
      await rm(folder, { recursive: true });
    },
  }; // prettier-ignore
}

function configuration(module: 'imtcp' | 'imrelp', folder: string, port: number): string {
  const input =
    module === 'imtcp'
      ? `module(load="imtcp" StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="x509/certvalid" MaxSessions="50")
input(type="imtcp" port="${String(port)}" ruleset="audit" address="127.0.0.1")`
      : `module(load="imrelp" tls.tlslib="openssl")
input(type="imrelp" port="${String(port)}" ruleset="audit" address="127.0.0.1" maxDataSize="128k" tls="on"
  tls.authmode="certvalid" tls.caCert="${folder}/ca.crt" tls.myCert="${folder}/sts.crt" tls.myPrivKey="${folder}/sts.key")`;
  return `global(workDirectory="${folder}/work" maxMessageSize="128k" DefaultNetstreamDriver="ossl"
  DefaultNetstreamDriverCAFile="${folder}/ca.crt" DefaultNetstreamDriverCertFile="${folder}/sts.crt"
  DefaultNetstreamDriverKeyFile="${folder}/sts.key")
${input}
template(name="event" type="string" string="%msg:R,ERE,1,DFLT:(\\\\{.*\\\\})--end%\\n")
ruleset(name="audit") { action(type="omfile" file="${folder}/out" template="event" asyncWriting="off" flushOnTXEnd="on") }
`;
}
