import { type SettingsError, SettingsReader } from './index.js';

describe('SettingsReader', () => {
  it('gives presets for what is absent or empty', () => {
    const reader = new SettingsReader({ PORT: '' });
    expect(reader.integer('PORT', { preset: 3000, min: 0, max: 65_535, what: 'port' })).toBe(3000);
    expect(reader.text('URI', { preset: undefined, what: 'uri' })).toBeUndefined();
  });

  it('reads numbers, flags, choices and lists', () => {
    const reader = new SettingsReader({ N: '12', R: '0.5', F: 'true', C: 'b', L: 'a, b' });
    expect(reader.integer('N', { preset: 0, min: 0, max: 99, what: '' })).toBe(12);
    expect(reader.number('R', { preset: 1, min: 0, max: 1, what: '' })).toBe(0.5);
    expect(reader.flag('F', { preset: false, what: '' })).toBe(true);
    expect(reader.oneOf('C', ['a', 'b'], { preset: 'a', what: '' })).toBe('b');
    expect(reader.listOf('L', ['a', 'b', 'c'], { preset: [], what: '' })).toEqual(['a', 'b']);
    expect(() => reader.finish(['ASSAY_'])).not.toThrow();
  });

  it('tells what may be set', () => {
    const reader = new SettingsReader({});
    reader.text('T', { preset: 'x', what: '' });
    reader.integer('N', { preset: 0, min: 0, max: 99, what: '' });
    reader.oneOf('C', ['a', 'b'], { preset: 'a', what: '' });
    reader.listOf('L', ['a', 'b'], { preset: [], what: '' });
    reader.listOf('P', /^x/, { preset: [], what: '' });
    expect(reader.rows.map(({ values }) => values)).toEqual(['', '0 to 99', 'a, b', 'a list of a, b', 'a list']);
  });

  it('never shows a secret, neither as a row nor in a fault', () => {
    const reader = new SettingsReader({ SECRET: 'hunter2hunter2', S2: 'hunter3' });
    reader.text('SECRET', { preset: undefined, what: '', secret: true });
    reader.integer('S2', { preset: 1, min: 0, max: 9, what: '', secret: true });
    expect(JSON.stringify(reader.rows)).not.toContain('hunter');
    expect(() => reader.finish(['ASSAY_'])).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('hunter') }),
    );
  });

  it('rejects with SETTINGS.INVALID naming every wrong and every unknown variable', () => {
    const reader = new SettingsReader({ PORT: 'http', ASSAY_DATADIR: '/x', AUDIT_X: '1', OTHER: 'fine' });
    reader.integer('PORT', { preset: 3000, min: 0, max: 65_535, what: 'port' });
    const faults = thrownBy(() => reader.finish(['ASSAY_', 'AUDIT_'])).details.map(({ pointer, code }) => ({
      pointer,
      code,
    }));
    expect(faults).toEqual([
      { pointer: 'PORT', code: 'invalid_setting' },
      { pointer: 'ASSAY_DATADIR', code: 'unknown_setting' },
      { pointer: 'AUDIT_X', code: 'unknown_setting' },
    ]);
  });
});

function thrownBy(act: () => void): SettingsError {
  try {
    act();
  } catch (error) {
    return error as SettingsError;
  }
  throw new Error('expected an error, found none');
}
