import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import type { ArchiveKeyRing } from '#libs/archive';
import { cosigner, macKey, noteMac, noteSigner, verifierKey } from '#libs/ledger';
import type { NoteSigner, VerifierKey } from '#libs/ledger';
import type { Settings } from '../../settings.js';
import { AuditError } from '../audit.errors.js';
import { sameBytes } from '../domain/entry.js';
import { originOf } from '../domain/origin.js';
import type { EventSigner } from '../domain/sealed-event.js';
import { archiveRingIn, archiveRingMadeIn, archiveRingRotatedIn } from './archive-ring-file.js';
import { keyEntryFault } from './key-entry.js';
import { readIfThere, removeFile, replaceFile, secretIfThere } from './key-files.js';
import { currentKey, keysOf, parsedRing, publicKeyIn, ringText } from './key-ring.js';
import type { Compromise, KeyRing, PublicHalf, RingKey, SigningPurpose } from './key-ring.js';
import { macRing, rotatedMacRing, type MacRing } from './mac-ring.js';
import { firstPrivateKey, newPrivateKey, seedOf, signatureBy } from './private-keys.js';
import { parsedRanges, rangeAt, rangesText, type SigningRanges } from './signing-ranges.js';

const RING = 'ring.json';

/** Signs what lies in the archive (DSSE), as the ledger's note key; `keyId` is `<name>+<8 hex digits>`. */
export interface ArchiveSigner {
  readonly keyId: string;
  /** Ed25519 over the bytes. */
  sign(bytes: Uint8Array): Uint8Array;
}

/**
 * The service's own keys, in the folder `<data>/keys` (0700) in files of mode 0600. Trusted: whoever reads them can sign
 * a history that never was; keep them, and the marks beside them, off the database's machine.
 *
 * A process signs checkpoints in the role `ledger` and only then opens the keys for it; it opens a key for events when a
 * tenant asks for signed events. Others make and read no file (audit-keys.spec.ts).
 */
export class AuditKeys {
  private ring: KeyRing;
  private changes: Promise<unknown> = Promise.resolve();
  private readonly ranges = new Map<string, SigningRanges>();
  private readonly signers = new Map<string, NoteSigner>();
  /** Counts the changes of the ring in this process. */
  version = 0;

  private constructor(
    private readonly folder: string,
    private readonly deployment: string,
    /** Whether this process signs checkpoints. */
    readonly signs: boolean,
    ring: KeyRing,
    private readonly seeds: Map<string, Uint8Array>,
    private macs: MacRing | undefined,
  ) {
    this.ring = ring;
  }

  /**
   * Makes what is missing. Rejects with AUDIT.KEY_UNREADABLE, AUDIT.KEY_PERMISSIONS, AUDIT.SIGNING_KEY_SHORT or
   * AUDIT.SIGNING_KEY_INVALID.
   */
  static async load(
    settings: Pick<Settings, 'dataDir' | 'origin' | 'roles' | 'audit'>,
    { signs = settings.roles.includes('ledger') }: { signs?: boolean } = {},
  ): Promise<AuditKeys> {
    const folder = join(settings.dataDir, 'keys');
    const { signingKey, eventSignatureTenants } = settings.audit;
    const purposes: SigningPurpose[] = signs ? ['note', 'cosignature'] : [];
    if (eventSignatureTenants.length > 0) purposes.push('event');
    const { ring, seeds } = await openedRing(folder, purposes);
    const macs = signs ? await macRing(folder, signingKey) : undefined;
    return new AuditKeys(folder, settings.origin, signs, ring, seeds, macs);
  }

  /** All that this folder knows of, oldest first. */
  get keys(): KeyRing {
    return this.ring;
  }

  /** Throws AUDIT.KEY_NOT_FOUND. */
  key(id: string): RingKey {
    return keyIn(this.ring, id);
  }

  /** Throws AUDIT.KEYS_ELSEWHERE in a process that signs no checkpoints. */
  assertSigns(): void {
    if (!this.signs) throw elsewhere('signs no checkpoints');
  }

  /** Who signs the note of this ledger at this size. Rejects with AUDIT.KEYS_ELSEWHERE or AUDIT.KEY_RETIRED. */
  async noteSigner(tenant: string, origin: string, size: number): Promise<NoteSigner> {
    const { note } = await this.rangesOf(tenant);
    const seed = this.seedAt(note, tenant, size);
    const known = this.signers.get(`${origin} ${seed.id}`);
    if (known) return known;
    const made = noteSigner(origin, seed.seed);
    this.signers.set(`${origin} ${seed.id}`, made);
    return made;
  }

  /** Who cosigns it, at this time in seconds since 1970. Rejects as `noteSigner`. */
  async cosigner(tenant: string, size: number, time: number): Promise<NoteSigner> {
    const { cosignature } = await this.rangesOf(tenant);
    return cosigner(cosignerName(this.deployment), this.seedAt(cosignature, tenant, size).seed, time);
  }

  /** Who signs objects of the archive while the ledger has this size, under this name. Rejects as `noteSigner`. */
  async archiveSigner(tenant: string, name: string, size: number): Promise<ArchiveSigner> {
    const { note } = await this.rangesOf(tenant);
    const { seed } = this.seedAt(note, tenant, size);
    const { keyId } = noteSigner(name, seed);
    return { keyId: `${name}+${keyId}`, sign: (bytes) => signatureBy(seed, bytes) };
  }

  /** Every note key of the ledger in this folder, oldest first; none in a process that does not sign. */
  verifierKeys(tenant: string, origin: string): VerifierKey[] {
    return keysOf(this.ring, 'note', tenant).map((key) => this.verifierKeyOf(key, origin));
  }

  cosignerKeys(): VerifierKey[] {
    return this.ring
      .filter(({ purpose }) => purpose === 'cosignature')
      .map((key) => this.verifierKeyOf(key, cosignerName(this.deployment)));
  }

  /** Who signs single events in this process. Throws AUDIT.KEYS_ELSEWHERE when no tenant asks for that. */
  get eventSigner(): EventSigner {
    const key = currentKey(this.ring, 'event');
    const seed = key && this.seeds.get(key.id);
    if (!seed) throw elsewhere('signs no events: AUDIT_EVENT_SIGNATURES names no tenant');
    return { kid: key.id, seed };
  }

  /** Public keys of the signatures of single events, by key id. */
  get eventKeys(): ReadonlyMap<string, Uint8Array> {
    return new Map(this.ring.filter(({ purpose }) => purpose === 'event').map((key) => [key.id, publicKeyIn(key)]));
  }

  /** How the entries of a ledger of this origin name a key: as its signature lines do, an event key by its `kid`. */
  keyIdIn(key: PublicHalf, origin: string): string {
    return key.purpose === 'event' ? key.id : this.verifierKeyOf(key, origin).keyId;
  }

  /** As the signature lines of a ledger of this origin are checked. */
  verifierKeyOf(key: PublicHalf, origin: string): VerifierKey {
    if (key.purpose === 'note') return verifierKey(origin, publicKeyIn(key));
    return verifierKey(cosignerName(this.deployment), publicKeyIn(key), 'cosignature/v1');
  }

  /**
   * What is wrong with an entry that is about to be signed for the first time, when it tells of a key for notes what the
   * ring does not know: nobody here wrote it. Without this whoever can write to the database could have the honest key
   * vouch for his own.
   */
  keyEntryFault(tenant: string, origin: string, bytes: Uint8Array): string | undefined {
    if (!Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes('"kind":"key.')) return undefined;
    return keyEntryFault(tenant, bytes, {
      ring: this.ring,
      ranges: this.ranges.get(tenant),
      keyIdOf: (key) => this.keyIdIn(key, origin),
    });
  }

  /** HMAC-SHA-256 over a note's text, with the id of the master key. Not evidence: whoever can check it can forge it. */
  noteMac(tenant: string, noteText: string): { keyId: string; mac: Uint8Array } {
    const keyId = this.macIds.current;
    return { keyId, mac: this.macOf(tenant, noteText, keyId) as Uint8Array };
  }

  /** Whether it is the MAC that we would have made with that key; undefined when the ring does not hold the key. */
  noteMacHolds(tenant: string, noteText: string, mac: Uint8Array, keyId: string): boolean | undefined {
    const expected = this.macOf(tenant, noteText, keyId);
    return expected && sameBytes(expected, mac);
  }

  /** HMAC-SHA-256 over what an archived object says, by a master key of the ring; undefined when that does not hold it. */
  archiveMac(tenant: string, bytes: Uint8Array, keyId: string): Uint8Array | undefined {
    const key = this.macKeyOf('archive', tenant, keyId);
    return key && createHmac('sha256', key).update(bytes).digest();
  }

  /** Keys of encrypted batches, as the folder has them now; in every role, for reading. Undefined when it has none. */
  async archiveRing(): Promise<ArchiveKeyRing | undefined> {
    return archiveRingIn(this.folder);
  }

  /** The same, for a new batch: made when there is none. */
  async archiveRingToWrite(): Promise<ArchiveKeyRing> {
    this.assertSigns();
    return archiveRingMadeIn(this.folder);
  }

  /** A new key for batches from now on; resolves with its id. */
  async addArchiveKey(): Promise<string> {
    this.assertSigns();
    return this.changed(async () => (await archiveRingRotatedIn(this.folder)).current as string);
  }

  /** Ids of the master keys of the MACs. Throws AUDIT.KEYS_ELSEWHERE. */
  get macIds(): { current: string; all: string[]; fromSetting: boolean } {
    const { current, keys, fromSetting } = this.macs ?? elsewhereNow();
    return { current, all: [...keys.keys()], fromSetting };
  }

  /** Which key signs which size of a ledger; written down before the first is used. Rejects with AUDIT.KEYS_ELSEWHERE. */
  async rangesOf(tenant: string): Promise<SigningRanges> {
    const known = await this.storedRanges(tenant);
    if (known) return known;
    const first = await this.firstRanges(tenant);
    await this.keepRanges(tenant, first);
    return first;
  }

  /** From `from` on, this key signs. Once resolved it holds after a power cut; before that, the key until now does. */
  async moveTo(tenant: string, purpose: 'note' | 'cosignature', id: string, from: number): Promise<void> {
    const ranges = await this.rangesOf(tenant);
    await this.keepRanges(tenant, { ...ranges, [purpose]: [...ranges[purpose], { id, from }] });
  }

  /** The ledger begins anew, at whatever size: the current keys sign all of it. For an audited operator act only. */
  async beginAnew(tenant: string): Promise<void> {
    await this.keepRanges(tenant, this.rangesByCurrent(tenant));
  }

  /** A new key, current from now on: it signs a ledger once that ledger has moved to it. */
  async add(purpose: SigningPurpose, tenant?: string): Promise<RingKey> {
    return this.changed(async (ring) => {
      const { key, seed } = await newPrivateKey(this.folder, purpose, tenant);
      // If the process dies here, a key file is left that the ring does not know: nothing is ever signed with it.
      await this.keepRing([...ring, key]);
      this.seeds.set(key.id, seed);
      return key;
    });
  }

  async addMac(): Promise<void> {
    await this.changed(async () => {
      this.macs = await rotatedMacRing(this.folder, this.macs ?? elsewhereNow());
      this.version += 1;
    });
  }

  /** The key never signs again: its private half is gone. */
  async retire(id: string): Promise<RingKey> {
    return this.changed(async (ring) => {
      const retired = { ...keyIn(ring, id), retired_at: new Date().toISOString() };
      await this.keepRing(ring.map((key) => (key.id === id ? retired : key)));
      // If the process dies here, the next start removes the file: the ring says that the key is retired.
      this.seeds.delete(id);
      this.signers.clear();
      await removeFile(join(this.folder, retired.file));
      return retired;
    });
  }

  async compromise(id: string, what: Compromise): Promise<RingKey> {
    return this.changed(async (ring) => {
      const key = keyIn(ring, id);
      const marked = { ...key, compromised: [...(key.compromised ?? []), what] };
      await this.keepRing(ring.map((one) => (one.id === id ? marked : one)));
      return marked;
    });
  }

  /** As `rangesOf`; undefined, and nothing is written, for a ledger that was never signed. */
  async storedRanges(tenant: string): Promise<SigningRanges | undefined> {
    const known = this.ranges.get(tenant);
    if (known) return known;
    this.assertSigns();
    const path = this.rangesFile(tenant);
    const text = await secretIfThere(path);
    if (text === undefined) return undefined;
    const ranges = parsedRanges(text, path);
    this.ranges.set(tenant, ranges);
    return ranges;
  }

  private seedAt(ranges: SigningRanges['note'], tenant: string, size: number): { id: string; seed: Uint8Array } {
    const { id } = rangeAt(ranges, size) ?? elsewhereNow();
    const seed = this.seeds.get(id);
    if (seed) return { id, seed };
    throw new AuditError(
      'AUDIT.KEY_RETIRED',
      `size ${size} of ${tenant} is for the key ${id} to sign, which is retired`,
    );
  }

  /** A ledger that was signed before there were ranges was signed by the first key. */
  private async firstRanges(tenant: string): Promise<SigningRanges> {
    if ((await readIfThere(join(this.folder, 'marks', tenant))) === undefined) return this.rangesByCurrent(tenant);
    const first = (purpose: SigningPurpose): SigningRanges['note'] => [
      { id: (this.ring.find((key) => key.purpose === purpose) ?? elsewhereNow()).id, from: 0 },
    ];
    return { note: first('note'), cosignature: first('cosignature') };
  }

  private rangesByCurrent(tenant: string): SigningRanges {
    const current = (purpose: SigningPurpose): SigningRanges['note'] => [
      { id: (currentKey(this.ring, purpose, tenant) ?? elsewhereNow()).id, from: 0 },
    ];
    return { note: current('note'), cosignature: current('cosignature') };
  }

  private macOf(tenant: string, noteText: string, keyId: string): Uint8Array | undefined {
    const key = this.macKeyOf('checkpoint', tenant, keyId);
    return key && noteMac(key, noteText);
  }

  private macKeyOf(purpose: 'checkpoint' | 'archive', tenant: string, keyId: string): Uint8Array | undefined {
    const master = (this.macs ?? elsewhereNow()).keys.get(keyId);
    return master && macKey(master, { purpose, tenant, keyId });
  }

  private async keepRanges(tenant: string, ranges: SigningRanges): Promise<void> {
    this.assertSigns();
    await replaceFile(this.rangesFile(tenant), rangesText(ranges));
    this.ranges.set(tenant, ranges);
  }

  private async keepRing(ring: KeyRing): Promise<void> {
    await replaceFile(join(this.folder, RING), ringText(ring));
    this.ring = ring;
    this.version += 1;
  }

  /** One change of the ring at a time. */
  private async changed<T>(change: (ring: KeyRing) => Promise<T>): Promise<T> {
    const done = this.changes.then(() => change(this.ring));
    this.changes = done.catch(() => undefined);
    return done;
  }

  private rangesFile(tenant: string): string {
    originOf(this.deployment, tenant); // a tenant id, or else it could name any file
    return join(this.folder, 'ranges', tenant);
  }
}

export const cosignerName = (deployment: string): string => `${deployment}/cosigner`;

async function openedRing(
  folder: string,
  purposes: readonly SigningPurpose[],
): Promise<{ ring: KeyRing; seeds: Map<string, Uint8Array> }> {
  const path = join(folder, RING);
  const text = await secretIfThere(path);
  const ring = text === undefined ? [] : parsedRing(text, path);
  const wanted = new Set(purposes);
  // Events that are in a ledger already were signed with it, whether or not any still are.
  if (text === undefined && (await readIfThere(join(folder, 'event.key'))) !== undefined) wanted.add('event');
  const missing = [...wanted].filter((purpose) => currentKey(ring, purpose) === undefined);
  for (const purpose of missing) ring.push(await firstPrivateKey(folder, purpose));
  // If the process dies here, the next start finds the same files and makes the same ring of them.
  if (missing.length > 0) await replaceFile(path, ringText(ring));
  const seeds = new Map<string, Uint8Array>();
  for (const key of ring) {
    if (key.retired_at !== undefined) await removeFile(join(folder, key.file));
    else if (wanted.has(key.purpose)) seeds.set(key.id, await seedOf(folder, key));
  }
  return { ring, seeds };
}

function keyIn(ring: KeyRing, id: string): RingKey {
  const key = ring.find((one) => one.id === id);
  if (key) return key;
  throw new AuditError('AUDIT.KEY_NOT_FOUND', `there is no key ${id}`);
}

const elsewhere = (why: string): AuditError =>
  new AuditError('AUDIT.KEYS_ELSEWHERE', `this process ${why}; ask one in the role ledger`);

function elsewhereNow(): never {
  throw elsewhere('signs no checkpoints');
}
