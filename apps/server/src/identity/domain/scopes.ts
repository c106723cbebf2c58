/** `<area>:<verb>#tenant/<id>`. */
export function scopeOf(permission: string, tenant: string): string {
  return `${permission}#tenant/${tenant}`;
}

/** True when one of `scopes` is this permission, or `admin:*`, for exactly this tenant. */
export function holds(scopes: readonly string[], permission: string, tenant: string): boolean {
  return scopes.includes(scopeOf(permission, tenant)) || scopes.includes(scopeOf('admin:*', tenant));
}
