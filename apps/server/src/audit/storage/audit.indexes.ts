import type { IndexStep } from '#libs/mongo';

export const auditIndexes: IndexStep[] = [
  {
    id: 'ledger_entries/1',
    collection: 'ledger_entries',
    create: [
      // These two keep the chain from forking and an event from being doubled.
      { name: 'tenant_seq', key: { tenant: 1, seq: 1 }, unique: true },
      { name: 'tenant_event', key: { tenant: 1, event_id: 1 }, unique: true },
      { name: 'tenant_ts', key: { tenant: 1, ts: 1, seq: 1 } },
      { name: 'tenant_kind_ts', key: { tenant: 1, kind: 1, ts: 1, seq: 1 } },
      {
        name: 'tenant_job_ts',
        key: { tenant: 1, job_id: 1, ts: 1, seq: 1 },
        partialFilterExpression: { job_id: { $exists: true } },
      },
    ],
  },
  {
    id: 'ledger_checkpoints/1',
    collection: 'ledger_checkpoints',
    // Of two signers of one size, one is kept.
    create: [{ name: 'tenant_size', key: { tenant: 1, size: 1 }, unique: true }],
  },
  {
    id: 'ledger_checkpoints/2',
    collection: 'ledger_checkpoints',
    create: [
      { name: 'thin_after', key: { thin_after: 1 }, partialFilterExpression: { thin_after: { $exists: true } } },
    ],
  },
  {
    id: 'ledger_checkpoints/3',
    collection: 'ledger_checkpoints',
    create: [{ name: 'tenant_signed', key: { tenant: 1, signed_at: 1, size: 1 } }],
  },
  {
    id: 'ledger_tiles/1',
    collection: 'ledger_tiles',
    // Of two writers of one tile, one is kept: a full tile never changes.
    create: [{ name: 'tenant_level_index', key: { tenant: 1, level: 1, index: 1 }, unique: true }],
  },
  {
    id: 'ledger_verifications/1',
    collection: 'ledger_verifications',
    create: [
      { name: 'tenant_id', key: { tenant: 1, _id: 1 } },
      // At most so many of a tenant are under way as there are slots.
      {
        name: 'tenant_slot',
        key: { tenant: 1, slot: 1 },
        unique: true,
        partialFilterExpression: { slot: { $exists: true } },
      },
      { name: 'queue', key: { state: 1, tenant: 1, _id: 1 }, partialFilterExpression: { slot: { $exists: true } } },
      { name: 'leases', key: { state: 1, lease_at: 1 }, partialFilterExpression: { slot: { $exists: true } } },
      { name: 'finished', key: { finished_at: 1 } },
    ],
  },
  {
    id: 'ledger_anchors/1',
    collection: 'ledger_anchors',
    create: [
      {
        name: 'tenant_origin_kind_name_size',
        key: { tenant: 1, origin: 1, kind: 1, name: 1, size: 1 },
        unique: true,
      },
    ],
  },
  {
    id: 'archive_batches/1',
    collection: 'archive_batches',
    create: [
      // Of two batches that begin at one seq, one is kept.
      { name: 'tenant_start', key: { tenant: 1, startSeq: 1 }, unique: true },
      { name: 'tenant_id', key: { tenant: 1, _id: 1 } },
      { name: 'tenant_state', key: { tenant: 1, state: 1, startSeq: 1 } },
      { name: 'tenant_event', key: { tenant: 1, maxEventId: 1, minEventId: 1 } },
      { name: 'tenant_ts', key: { tenant: 1, maxTs: 1, minTs: 1 } },
      { name: 'tenant_copy', key: { tenant: 1, 'copy.copiedAt': 1, state: 1, startSeq: 1 } },
    ],
  },
  {
    id: 'ledger_statements/1',
    collection: 'ledger_statements',
    create: [{ name: 'tenant_kind', key: { tenant: 1, kind: 1 } }],
  },
  {
    id: 'archive_restorations/1',
    collection: 'archive_restorations',
    create: [
      { name: 'tenant_state', key: { tenant: 1, state: 1, startSeq: 1 } },
      { name: 'restoration', key: { restoration: 1 }, unique: true },
    ],
  },
  {
    id: 'restored_entries/1',
    collection: 'restored_entries',
    create: [
      { name: 'restoration_seq', key: { restoration: 1, seq: 1 } },
      { name: 'restoration_event', key: { restoration: 1, event_id: 1 } },
      { name: 'restoration_ts', key: { restoration: 1, ts: 1, seq: 1 } },
      { name: 'restoration_kind_ts', key: { restoration: 1, kind: 1, ts: 1, seq: 1 } },
      {
        name: 'restoration_job_ts',
        key: { restoration: 1, job_id: 1, ts: 1, seq: 1 },
        partialFilterExpression: { job_id: { $exists: true } },
      },
    ],
  },
  {
    id: 'subject_keys/1',
    collection: 'subject_keys',
    create: [
      { name: 'tenant_subject', key: { tenant: 1, subject: 1 }, unique: true },
      { name: 'tenant_pseudonym', key: { tenant: 1, pseudonym: 1 }, unique: true },
    ],
  },
  {
    id: 'erasures/1',
    collection: 'erasures',
    create: [
      // A pseudonym is erased once, whoever orders it again.
      { name: 'tenant_pseudonym', key: { tenant: 1, pseudonym: 1 }, unique: true },
      { name: 'tenant_id', key: { tenant: 1, _id: 1 } },
      { name: 'state', key: { state: 1, _id: 1 } },
    ],
  },
  {
    id: 'legal_holds/1',
    collection: 'legal_holds',
    create: [
      { name: 'tenant_id', key: { tenant: 1, _id: 1 } },
      { name: 'tenant_released', key: { tenant: 1, released_at: 1, _id: 1 } },
      { name: 'waits', key: { waits: 1 } },
    ],
  },
  {
    id: 'archive_retirements/1',
    collection: 'archive_retirements',
    create: [
      { name: 'tenant_start', key: { tenant: 1, startSeq: 1 }, unique: true },
      { name: 'tenant_state', key: { tenant: 1, state: 1, startSeq: 1 } },
    ],
  },
];
