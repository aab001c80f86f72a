import { isIP, SocketAddress } from 'node:net';
import { SecurityError } from '@aduana/core/errors/security-error';

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** Of version 2, up to its length; no line of version 1 that names addresses is shorter. */
const START_BYTES = 16;
const LOCAL = 0x20;
const PROXY = 0x21;
const TCP_OVER_IPV4 = 0x11;
const TCP_OVER_IPV6 = 0x21;
/** Two addresses and two ports. */
const ADDRESS_BYTES = { 4: 12, 6: 36 } as const;
/** What follows the addresses is not read: a balancer that forwards TLS has little to add. */
const MOST_BYTES = 2_048;
const MOST_LINE_BYTES = 107;
const LINE = /^PROXY TCP([46]) ([^ ]+) ([^ ]+) (\d{1,5}) (\d{1,5})\r\n$/;

/**
 * Parses a header of the PROXY protocol, version 1 or 2 (haproxy.org, proxy-protocol.txt sections 2.1 and 2.2). It yields
 * how many bytes it needs next, and takes exactly those, so that what follows the header is left for TLS.
 *
 * @returns the address of the client, as Node writes addresses; undefined where the balancer itself connects (`LOCAL`)
 * @throws SecurityError `BAD_REQUEST`, also for a client whose address the balancer does not know
 */
export function* parseProxyHeader(): Generator<number, string | undefined, Buffer> {
  const start = yield START_BYTES;
  if (SIGNATURE.equals(start.subarray(0, SIGNATURE.length))) {
    const length = start.readUInt16BE(14);
    if (length > MOST_BYTES) throw refusal('the PROXY header is too long');
    return sourceOf(start, length === 0 ? Buffer.alloc(0) : yield length);
  }
  let line = start.toString('latin1');
  if (!line.startsWith('PROXY ')) throw refusal('there is no PROXY header');
  while (!line.includes('\n')) {
    if (line.length >= MOST_LINE_BYTES) throw refusal('the PROXY header is too long');
    line += (yield 1).toString('latin1');
  }
  return sourceOfLine(line);
}

function sourceOf(start: Buffer, rest: Buffer): string | undefined {
  const [command, transport] = start.subarray(12);
  if (command === LOCAL) return undefined;
  const family = transport === TCP_OVER_IPV4 ? 4 : transport === TCP_OVER_IPV6 ? 6 : undefined;
  if (command !== PROXY || family === undefined) throw refusal('the PROXY header is of an unknown kind');
  if (rest.length < ADDRESS_BYTES[family]) throw refusal('the PROXY header is too short');
  if (family === 4) return rest.subarray(0, 4).join('.');
  const groups = Array.from({ length: 8 }, (_, group) => rest.readUInt16BE(2 * group).toString(16));
  return shorten(groups.join(':'));
}

function sourceOfLine(line: string): string {
  const [, family, source = '', destination = '', ...ports] = LINE.exec(line) ?? [];
  const fits = (address: string): boolean => isIP(address) === Number(family) && !address.includes('%');
  if (!fits(source) || !fits(destination) || ports.some((port) => Number(port) > 65_535))
    throw refusal('the PROXY header is malformed');
  return family === '6' ? shorten(source) : source;
}

function refusal(detail: string): SecurityError {
  return new SecurityError('BAD_REQUEST', { detail });
}

/** An IPv6 address has one text (RFC 5952), and is counted under it. */
function shorten(address: string): string {
  return new SocketAddress({ address, family: 'ipv6' }).address;
}
