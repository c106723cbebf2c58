import { networkInterfaces } from 'node:os';

/** Whether this process has no network beyond itself: a new network namespace holds nothing but a loopback that is down. */
export function networkIsolated(): boolean {
  return Object.values(networkInterfaces()).every((addresses) => (addresses ?? []).every(({ internal }) => internal));
}
