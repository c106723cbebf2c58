import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Settings } from './settings.js';
import { settingsTable } from './reference/settings.table.js';

describe('Settings', () => {
  it('stand in docs/reference/configuration.md as the code reads them (npm run docs writes it)', () => {
    const page = readFileSync(resolve(__dirname, '../../../docs/reference/configuration.md'), 'utf8');
    expect(page).toBe(settingsTable());
  });

  it('refuse an unknown variable of ours and name a faulty one', () => {
    for (const name of ['ASSAY_DATADIR', 'AUDIT_RETENTION', 'ARCHIVE_ENABLE']) {
      expect(() => new Settings({ [name]: '1' })).toThrow(name);
    }
    for (const name of ['ASSAY_SERVER', 'ASSAY_API_KEY', 'ASSAY_TOKEN'])
      new Settings({ [name]: 'of the command line' });
    expect(() => new Settings({ PORT: '70000' })).toThrow(/PORT.*65535/);
  });

  it('hide secrets in the rows that are printed', () => {
    const { rows } = new Settings({ CONVERTER_API_KEY: 'planted-secret', MONGODB_URI: 'mongodb://u:planted@h/' });
    expect(JSON.stringify(rows)).not.toContain('planted');
  });

  it('keep objects in the data folder unless told otherwise', () => {
    expect(new Settings({ ASSAY_DATA_DIR: '/srv/assay' }).objectStoreUrl).toBe('file:///srv/assay/objects');
  });
});
