import { SetMetadata } from '@nestjs/common';
import type { ActionName } from '#libs/telemetry';

/** How the one line of a request is named. */
export interface RouteAction {
  done: ActionName;
  /** When the answer is 400 or above; default: as `done`. */
  failed: ActionName;
}

export const ACTION = 'assay:action';

/** `@Action('jobs.created', { failed: 'jobs.create_failed' })`: what the request's line in the log is called. */
export const Action = (done: ActionName, options: { failed?: ActionName } = {}) =>
  SetMetadata(ACTION, { done, failed: options.failed ?? done } satisfies RouteAction);
