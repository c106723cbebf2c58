import { httpServer } from '../offline/http-server.fixture.js';
import { assayProgram } from '../program.js';

/** Runs `assay` against a server that gives these answers in turn. Resolves with what was asked of it and printed. */
export async function askedServer(
  answers: readonly object[],
  args: readonly string[],
): Promise<{ asked: string[]; out: string }> {
  const asked: string[] = [];
  const server = await httpServer(({ method, url }, response) => {
    response.end(JSON.stringify(answers[asked.length] ?? {}));
    asked.push(`${method} ${url}`);
  });
  let out = '';
  const stdout = jest.spyOn(process.stdout, 'write').mockImplementation((text) => ((out += String(text)), true));
  process.env['ASSAY_API_KEY'] = 'secret';
  try {
    await assayProgram(() => undefined).parseAsync(['node', 'assay', ...args, '--server', server.url]);
    return { asked, out };
  } finally {
    delete process.env['ASSAY_API_KEY'];
    stdout.mockRestore();
    await server.close();
  }
}
