import { ChildLauncher } from './child.launcher.js';
import { AMPLE, conversionFixture } from './conversion.fixture.js';

/** A parent to be killed: starts a long conversion, tells its child's process id and folder when it is under way. */
const [root = ''] = process.argv.slice(2);
const fixture = await conversionFixture();
const child = await new ChildLauncher(root).start();
await child.run(fixture.order(20_000), {
  limits: AMPLE,
  onEvent: (event) => {
    if (event.t === 'stage' && event.stage === 'quantize') {
      process.send?.({ pid: child.pid, inputs: fixture.folder });
    }
  },
});
