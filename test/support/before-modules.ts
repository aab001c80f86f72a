// Apollo's gateway connects to an outside reporting host when it is loaded without this.
process.env['APOLLO_TELEMETRY_DISABLED'] = 'true';
// On Node 20 each client of the AWS SDK warns that a later version of it will not run there.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
