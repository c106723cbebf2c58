import { hexOf, textOf } from '../bytes.js';
import { LedgerError, type LedgerErrorCode } from '../ledger.errors.js';
import { parseVerifierKey } from '../note-keys.js';
import type { NoteAlgorithm, VerifierKey } from '../note-keys.js';

// C2SP tlog-policy: which logs and witnesses are known, and how many of the witnesses it takes.

/** A log whose checkpoints are accepted; the key's name is its origin. */
export interface PolicyLog {
  readonly key: VerifierKey;
  readonly url?: string;
}

export interface PolicyWitness {
  /** Of this file alone; its octets as characters. */
  readonly name: string;
  readonly key: VerifierKey;
  /** The submission prefix of C2SP tlog-witness, without a slash at its end. */
  readonly url?: string;
}

/** Witnessed when at least `threshold` of the members are. */
interface Group {
  readonly threshold: number;
  readonly members: readonly Member[];
}

type Member = PolicyWitness | Group;

export interface WitnessPolicy {
  readonly logs: readonly PolicyLog[];
  readonly witnesses: readonly PolicyWitness[];
  /** 'none': no cosignature is needed. */
  readonly quorum: Member | 'none';
}

/**
 * Reads a policy file. Throws POLICY_SYNTAX, POLICY_NAME_TAKEN, POLICY_NAME_UNKNOWN (not defined on a line above),
 * POLICY_MEMBER_REPEATED (a name in two groups), POLICY_KEY_REPEATED (one public key twice), POLICY_KEY_TYPE (a log's
 * key of another type than 1, or a witness's of another than 4), or what `parseVerifierKey` throws.
 */
export function parsePolicy(file: Uint8Array): WitnessPolicy {
  const draft = new Draft();
  for (const [index, items] of linesOf(file).entries()) if (items.length > 0) draft.add(items, index + 1);
  return draft.policy();
}

/** Whether the quorum holds when these witnesses, by their names in the file, have cosigned a checkpoint. */
export const isWitnessed = ({ quorum }: WitnessPolicy, cosigned: ReadonlySet<string>): boolean =>
  quorum === 'none' || holds(quorum, cosigned);

function holds(member: Member, cosigned: ReadonlySet<string>): boolean {
  if ('key' in member) return cosigned.has(member.name);
  return member.members.filter((each) => holds(each, cosigned)).length >= member.threshold;
}

class Draft {
  private readonly logs: PolicyLog[] = [];
  private readonly witnesses: PolicyWitness[] = [];
  private readonly members = new Map<string, Member>();
  private readonly grouped = new Set<string>();
  private quorum: Member | 'none' | undefined;

  add([keyword, ...items]: readonly string[], line: number): void {
    if (keyword === 'log') this.addLog(items, line);
    else if (keyword === 'witness') this.addWitness(items, line);
    else if (keyword === 'group') this.addGroup(items, line);
    else if (keyword === 'quorum') this.addQuorum(items, line);
    else throw fault('LEDGER.POLICY_SYNTAX', line, 'log, witness, group or quorum as its first word');
  }

  policy(): WitnessPolicy {
    const { logs, witnesses, quorum } = this;
    if (quorum === undefined) throw new LedgerError('LEDGER.POLICY_SYNTAX', 'a policy needs a quorum line');
    return { logs, witnesses, quorum };
  }

  private addLog([vkey, url, ...rest]: readonly string[], line: number): void {
    if (vkey === undefined || rest.length > 0) throw fault('LEDGER.POLICY_SYNTAX', line, 'log <vkey> [<url>]');
    const key = keyIn(vkey, 'ed25519', line);
    assertOther(key, this.logs, line);
    this.logs.push({ key, ...urlIn(url, line) });
  }

  private addWitness([name, vkey, url, ...rest]: readonly string[], line: number): void {
    if (name === undefined || vkey === undefined || rest.length > 0) {
      throw fault('LEDGER.POLICY_SYNTAX', line, 'witness <name> <vkey> [<url>]');
    }
    const key = keyIn(vkey, 'cosignature/v1', line);
    assertOther(key, this.witnesses, line);
    const witness = { name, key, ...urlIn(url, line) };
    this.define(name, witness, line);
    this.witnesses.push(witness);
  }

  private addGroup([name, quantity, ...names]: readonly string[], line: number): void {
    if (name === undefined || quantity === undefined || names.length === 0) {
      throw fault('LEDGER.POLICY_SYNTAX', line, 'group <name> <all, any or a number> <name>...');
    }
    const members = names.map((member) => this.grouping(member, line));
    const threshold = thresholdOf(quantity, names.length);
    if (threshold === undefined) throw fault('LEDGER.POLICY_SYNTAX', line, `all, any or 1 to ${names.length}`);
    this.define(name, { threshold, members }, line);
  }

  private addQuorum([name, ...rest]: readonly string[], line: number): void {
    if (name === undefined || rest.length > 0) throw fault('LEDGER.POLICY_SYNTAX', line, 'quorum <name>');
    if (this.quorum !== undefined) throw fault('LEDGER.POLICY_SYNTAX', line, 'no second quorum line');
    this.quorum = name === 'none' ? name : this.defined(name, line);
  }

  private define(name: string, member: Member, line: number): void {
    if (name === 'none' || this.members.has(name)) throw fault('LEDGER.POLICY_NAME_TAKEN', line, 'a name of its own');
    this.members.set(name, member);
  }

  private defined(name: string, line: number): Member {
    const member = this.members.get(name);
    if (member === undefined) throw fault('LEDGER.POLICY_NAME_UNKNOWN', line, 'names defined above');
    return member;
  }

  private grouping(name: string, line: number): Member {
    const member = this.defined(name, line);
    if (this.grouped.has(name)) throw fault('LEDGER.POLICY_MEMBER_REPEATED', line, 'names that are in no group yet');
    this.grouped.add(name);
    return member;
  }
}

function thresholdOf(quantity: string, members: number): number | undefined {
  if (quantity === 'all') return members;
  if (quantity === 'any') return 1;
  const threshold = /^[1-9]\d{0,8}$/.test(quantity) ? Number(quantity) : undefined;
  return threshold !== undefined && threshold <= members ? threshold : undefined;
}

function keyIn(vkey: string, algorithm: NoteAlgorithm, line: number): VerifierKey {
  const key = parseVerifierKey(utf8In(vkey, line));
  if (key.algorithm !== algorithm) throw fault('LEDGER.POLICY_KEY_TYPE', line, `a key for ${algorithm}`);
  return key;
}

function urlIn(url: string | undefined, line: number): { url?: string } {
  return url === undefined ? {} : { url: utf8In(url, line).replace(/\/+$/, '') };
}

function assertOther({ publicKey }: VerifierKey, known: readonly { key: VerifierKey }[], line: number): void {
  if (known.some(({ key }) => hexOf(key.publicKey) === hexOf(publicKey))) {
    throw fault('LEDGER.POLICY_KEY_REPEATED', line, 'a public key that no line above has');
  }
}

/** The items of each line; none for an empty line or a comment. Octets are characters here, as names are opaque. */
function linesOf(file: Uint8Array): string[][] {
  let octets = '';
  for (const octet of file) octets += String.fromCharCode(octet);
  const lines = octets.split('\n');
  if (lines.pop() !== '') throw fault('LEDGER.POLICY_SYNTAX', lines.length + 1, 'a newline at its end');
  return lines.map((line, index) => {
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(line)) {
      throw fault('LEDGER.POLICY_SYNTAX', index + 1, 'no control characters but tabs');
    }
    const items = line.split(/[ \t]+/).filter((item) => item !== '');
    return items[0]?.startsWith('#') ? [] : items;
  });
}

function utf8In(octets: string, line: number): string {
  try {
    return textOf(Uint8Array.from(octets, (octet) => octet.charCodeAt(0)));
  } catch {
    throw fault('LEDGER.POLICY_SYNTAX', line, 'keys and URLs in UTF-8');
  }
}

const fault = (code: LedgerErrorCode, line: number, expected: string): LedgerError =>
  new LedgerError(code, `line ${line} of a policy needs ${expected}`);
