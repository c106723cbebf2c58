// Writes the reference pages that are made from the code. Run by `npm run docs`, after a build.
import { writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cliPage } from '../../dist/apps/cli/src/reference/cli.page.js';
import { eventsTable } from '../../dist/apps/server/src/reference/events.table.js';
import { problemsTable } from '../../dist/apps/server/src/reference/problems.table.js';
import { settingsTable } from '../../dist/apps/server/src/reference/settings.table.js';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
await writeFile(resolve(root, 'docs/reference/configuration.md'), settingsTable());
await writeFile(resolve(root, 'docs/reference/events.md'), eventsTable());
await writeFile(resolve(root, 'docs/reference/problems.md'), problemsTable());
await writeFile(resolve(root, 'docs/reference/cli.md'), cliPage());
