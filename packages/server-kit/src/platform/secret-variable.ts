/** The variable that seeds the client secret of a service: `MY_SERVICE_CLIENT_SECRET` for `my-service`. */
export function secretVariable(service: string): string {
  return `${service.toUpperCase().replace(/[^A-Z0-9]/g, '_')}_CLIENT_SECRET`;
}
