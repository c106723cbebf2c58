import { isIPv4, isIPv6 } from 'node:net';

/** How an address is logged: `masked` keeps the network (/24 of IPv4, /48 of IPv6) and `off` nothing. */
export function loggedAddress(address: string | undefined, mode: 'full' | 'masked' | 'off'): string | undefined {
  if (address === undefined || mode === 'off') return undefined;
  const plain = plainAddress(address);
  if (mode === 'full') return plain;
  if (isIPv4(plain)) return `${plain.split('.').slice(0, 3).join('.')}.0/24`;
  if (isIPv6(plain)) return `${groupsOf(plain).slice(0, 3).join(':')}::/48`;
  return undefined;
}

/** Without a zone, and an IPv4 address mapped into IPv6 (RFC 4291 §2.5.5.2) as IPv4. */
export function plainAddress(address: string): string {
  const bare = address.replace(/%.*$/, '');
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare) ?? [];
  return mapped ?? bare;
}

/** The eight groups of an IPv6 address; a dotted tail counts for two. */
function groupsOf(address: string): string[] {
  const [head = '', tail] = address.toLowerCase().split('::');
  const left = head === '' ? [] : head.split(':');
  if (tail === undefined) return left;
  const right = tail === '' ? [] : tail.split(':');
  const width = left.length + right.length + (address.includes('.') ? 1 : 0);
  return [...left, ...Array.from({ length: 8 - width }, () => '0'), ...right];
}
