import { BlockList, isIP } from 'node:net';

type Family = 'ipv4' | 'ipv6';

interface Range {
  readonly address: string;
  readonly prefix: number;
  readonly family: Family;
}

/** Whether the text is an IPv4 or IPv6 address, or a range of them in CIDR notation (RFC 4632, RFC 4291). */
export function isAddressRange(text: string): boolean {
  return parseRange(text) !== undefined;
}

/**
 * Whether an address lies in one of the ranges; an IPv4-mapped IPv6 address is its IPv4 address.
 *
 * @returns a function that answers undefined for what is no address
 */
export function createAddressMatcher(ranges: readonly string[]): (address: string) => boolean | undefined {
  const list = new BlockList();
  for (const text of ranges) {
    const range = parseRange(text);
    if (range === undefined) throw new TypeError('the range of addresses is malformed');
    list.addSubnet(range.address, range.prefix, range.family);
  }
  return (address) => {
    const [bare = ''] = address.split('%', 1);
    const plain = unmap(bare);
    const version = isIP(plain);
    return version === 0 ? undefined : list.check(plain, version === 4 ? 'ipv4' : 'ipv6');
  };
}

function unmap(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
}

function parseRange(text: string): Range | undefined {
  const [address = '', length, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || address.includes('%') || rest.length > 0) return undefined;
  const bits = version === 4 ? 32 : 128;
  if (length !== undefined && !/^(?:0|[1-9]\d{0,2})$/.test(length)) return undefined;
  const prefix = length === undefined ? bits : Number(length);
  if (prefix > bits) return undefined;
  const mapped = unmap(address);
  if (mapped !== address)
    return prefix >= 96 ? { address: mapped, prefix: prefix - 96, family: 'ipv4' } : undefined;
  return { address, prefix, family: version === 4 ? 'ipv4' : 'ipv6' };
}
