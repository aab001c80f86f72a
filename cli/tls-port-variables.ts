/** The variables that hold the TLS port of each service of the deployment. */
export const TLS_PORT_VARIABLES = {
  gateway: 'GATEWAY_TLS_PORT',
  sts: 'STS_PORT',
  audit: 'AUDIT_PORT',
  admin: 'ADMIN_PORT',
} as const;
