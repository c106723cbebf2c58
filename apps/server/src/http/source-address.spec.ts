import { loggedAddress } from './source-address.js';

describe('loggedAddress', () => {
  it.each([
    ['203.0.113.77', '203.0.113.0/24'],
    ['::ffff:203.0.113.77', '203.0.113.0/24'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1::/48'],
    ['2001:db8::1', '2001:db8:0::/48'],
    ['::1', '0:0:0::/48'],
    ['fe80::1%eth0', 'fe80:0:0::/48'],
    ['64:ff9b::192.0.2.33', '64:ff9b:0::/48'],
  ])('masked, %s is %s', (address, shown) => {
    expect(loggedAddress(address, 'masked')).toBe(shown);
  });

  it('is whole when full, and absent when off or not an address', () => {
    expect(loggedAddress('::ffff:203.0.113.77', 'full')).toBe('203.0.113.77');
    expect(loggedAddress('203.0.113.77', 'off')).toBeUndefined();
    expect(loggedAddress('unix:', 'masked')).toBeUndefined();
  });
});
