import { CommanderError } from 'commander';
import { LedgerError } from '#libs/ledger';
import type { VerificationReport } from '#libs/ledger';
import { CliError } from './cli.errors.js';
import { EXIT, exitOfError, exitOfReport } from './exit-codes.js';
import { WitnessError } from './witness/witness.errors.js';

const unknownKey = { class: 'key_unknown' } as VerificationReport['breaks'][number];
const reportOf = (tier: VerificationReport['tier'], breaks: VerificationReport['breaks'] = []): VerificationReport =>
  ({ tier, breaks }) as unknown as VerificationReport;

describe('exitOfReport', () => {
  it.each([
    ['consistent', [], false, EXIT.ok],
    ['anchored', [], true, EXIT.ok],
    ['consistent', [], true, EXIT.incomplete],
    ['incomplete', [], false, EXIT.incomplete],
    ['incomplete', [unknownKey], false, EXIT.unknownKey],
    ['broken', [unknownKey], true, EXIT.broken],
  ] as const)('of %s with %j, an anchor required: %s, is %i', (tier, breaks, requireAnchor, code) => {
    expect(exitOfReport(reportOf(tier, [...breaks]), { requireAnchor })).toBe(code);
  });
});

describe('exitOfError', () => {
  it.each([
    [new CommanderError(0, 'commander.helpDisplayed', ''), EXIT.ok],
    [new CommanderError(1, 'commander.unknownOption', ''), EXIT.badInput],
    [new CliError('CLI.UNREACHABLE', ''), EXIT.badInput],
    [new CliError('CLI.UNAVAILABLE', ''), EXIT.incomplete],
    [new LedgerError('LEDGER.ROOT_MISMATCH', ''), EXIT.broken],
    [new LedgerError('LEDGER.NOTE_KEY_UNKNOWN', ''), EXIT.unknownKey],
    [new LedgerError('LEDGER.VERIFIER_KEY_MALFORMED', ''), EXIT.badInput],
    [new WitnessError('WITNESS.LISTEN_INVALID', ''), EXIT.badInput],
    [new TypeError('unforeseen'), EXIT.incomplete],
    ['no error', EXIT.incomplete],
  ])('of %s is %i', (error, code) => {
    expect(exitOfError(error)).toBe(code);
  });
});
