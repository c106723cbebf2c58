// What a matrix of faults at writes to a bucket is made of: the faults, a proxy's orders to strike, and processes that die
// of one. A case is {at, fault} and what its matrix adds; each has a ledger of its own, whose tenant names it.
import { deepStrictEqual } from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** `strikes`: how often; the SDK sends a request three times before the product hears of it, which is when it `fails`. */
export const FAULTS = [
  { name: 'lost', wire: 'lost', strikes: 1, fails: false },
  { name: 'lost three times', wire: 'lost', strikes: 3, fails: true },
  { name: 'kept', wire: 'kept', strikes: 1, fails: false },
  { name: 'kept three times', wire: 'kept', strikes: 3, fails: true },
  { name: 'late', wire: 'late', strikes: 1, fails: false },
];
export const KILLS = [
  { name: 'killed before', wire: 'lost', strikes: 1 },
  { name: 'killed after', wire: 'kept', strikes: 1 },
];

export function tenantOf({ at, fault }) {
  return `p${at}-${fault.name.replaceAll(' ', '-')}`;
}

/** Lets the fault strike at the requests that are the point; what it returns tells how often it did. */
export function arm(proxy, isPoint, { wire, strikes }, struckBy = () => undefined) {
  let struck = 0;
  const strikesAt = (request) => {
    if (!isPoint(request)) return false;
    struck += 1;
    struckBy();
    return true;
  };
  for (let strike = 0; strike < strikes; strike++) proxy.failNext(strikesAt, wire);
  return () => struck;
}

/** Runs a program of this folder, which the fault kills when it strikes: it has to, once. `armed` is given what to call then. */
export async function killedBy(program, task, armed) {
  const child = spawn(process.execPath, [join(import.meta.dirname, program), JSON.stringify(task)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const struck = armed(() => child.kill('SIGKILL'));
  const [, signal] = await once(child, 'close');
  deepStrictEqual([task.tenant, struck(), signal], [task.tenant, 1, 'SIGKILL']);
}
