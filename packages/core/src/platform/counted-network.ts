import { isIP } from 'node:net';

/**
 * What an address counts as where guesses, refusals and half-sent bodies are counted: an IPv4 address as itself, an IPv6
 * address as its network of 64 bits, since one machine may take any address in it (RFC 4291 section 2.5.1). What a
 * translator has made of an IPv4 address (RFC 6052 section 2.1) counts as itself.
 *
 * @param address as Node writes it, a zone included; what is no address counts as it is
 * @example
 * countedNetwork('2001:db8::1:2'); // '2001:db8:0:0::/64'
 * countedNetwork('::ffff:192.0.2.1'); // '192.0.2.1'
 */
export function countedNetwork(address: string): string {
  const [bare = ''] = address.split('%', 1);
  if (isIP(bare) !== 6) return address;
  const mapped = /^::ffff:([\d.]+)$/i.exec(bare)?.[1];
  if (mapped !== undefined) return mapped;
  if (/^64:ff9b::/i.test(bare)) return bare.toLowerCase();
  const [head = '', tail] = bare.toLowerCase().split('::');
  const groups = head === '' ? [] : head.split(':');
  const rest = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = new Array<string>(Math.max(0, 8 - groups.length - rest.length)).fill('0');
  return `${[...groups, ...zeros, ...rest].slice(0, 4).join(':')}::/64`;
}
