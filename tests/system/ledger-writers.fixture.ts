import { startProgram, type Program } from './program.fixture.js';

export interface Acknowledged {
  tenant: string;
  id: string;
  seq: number;
}

export interface WriterOptions {
  dataDir: string;
  uri?: string;
  total: number;
  callers: number;
  roles: string;
  /** The sample tenant when absent. */
  tenants?: readonly string[];
}

/** `ledger-writer.mjs`: tells of each event that is acknowledged to it. */
export const startWriter = (options: WriterOptions): Program => startProgram('ledger-writer.mjs', options);

export function acknowledgedBy({ lines }: Program): Acknowledged[] {
  return lines.map((line) => {
    const [tenant, id, seq] = line.split(' ');
    return { tenant: tenant!, id: id!, seq: Number(seq) };
  });
}
