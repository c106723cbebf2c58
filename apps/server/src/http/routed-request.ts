import type { ExecutionContext } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';
import type { ActionName } from '#libs/telemetry';
import type { RequestWithCaller } from './access.js';
import { ACTION, type RouteAction } from './action.js';

/** What the guard learnt of the route, for the line at the end. */
export interface RoutedRequest extends RequestWithCaller {
  routed?: { route: string; action: RouteAction | undefined };
}

/** Called by the guard, first of all: what the line at the end says of the route, also when the guard refuses. */
export function noteRoute(context: ExecutionContext, reflector: Reflector): void {
  const request = context.switchToHttp().getRequest<RoutedRequest>();
  const template = (request.route as { path?: unknown } | undefined)?.path;
  const action = reflector.getAllAndOverride<RouteAction | undefined>(ACTION, [
    context.getHandler(),
    context.getClass(),
  ]);
  request.routed = { route: typeof template === 'string' ? template : 'unmatched', action };
}

/** For a route whose line is called by its outcome: the name of the line, however the request ends. */
export function nameAction(request: RoutedRequest, action: ActionName): void {
  if (request.routed)
    request.routed.action = { sensitive: false, ...request.routed.action, done: action, failed: action };
}
