// Apollo's gateway connects to an outside reporting host when it is loaded without this.
process.env['APOLLO_TELEMETRY_DISABLED'] = 'true';
