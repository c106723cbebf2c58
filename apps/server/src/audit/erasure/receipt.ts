import { ERASURE_REASONS, type Erasure, type ErasureReason } from './erasure.types.js';

export const RECEIPT_TYPE = 'application/vnd.assay.erasure.v1+json';

/** What a receipt says: enough to destroy the key again, and nothing of whose it was. */
export interface Receipt {
  version: 1;
  tenant: string;
  origin: string;
  /** UUIDv7, in its key too. */
  erasure: string;
  /** The pseudonym. */
  subject: string;
  reason: ErasureReason;
  case_id?: string;
  /** RFC 3339, UTC, milliseconds. */
  requested_at: string;
  /** Of the ledger then: the entries below may name the pseudonym. */
  size: number;
}

export const receiptPrefix = (tenant: string): string => `tenants/${tenant}/ledger/erasures/`;

export const receiptKey = ({ tenant, _id }: Pick<Erasure, 'tenant' | '_id'>): string =>
  `${receiptPrefix(tenant)}${_id}.json`;

/** The erasure that lies under this key; undefined for a key of none. */
export const erasureOfKey = (key: string): string | undefined =>
  /\/erasures\/([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})\.json$/.exec(key)?.[1];

/** The erasure as a verified receipt has it, to be carried out again; undefined when it is not the one of this id. */
export function erasureIn(said: Record<string, unknown>, id: string, receipt: string): Erasure | undefined {
  const { tenant, erasure, subject, reason, case_id, requested_at } = said as Partial<Receipt>;
  if (erasure !== id || typeof tenant !== 'string' || !/^[0-9a-f]{64}$/.test(String(subject))) return undefined;
  const known = ERASURE_REASONS.find((one) => one === reason);
  const at = new Date(String(requested_at));
  if (known === undefined || Number.isNaN(at.getTime())) return undefined;
  return {
    ...{ _id: id, tenant, pseudonym: String(subject), reason: known, requested_at: at, receipt },
    ...(typeof case_id === 'string' && { case_id }),
    ...{ state: 'committed', replays: 1 },
  };
}
