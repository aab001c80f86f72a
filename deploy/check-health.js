// The health check of the image:  node deploy/check-health.js [PORT]   (default: HEALTH_PORT)
const port = process.argv[2] ?? process.env.HEALTH_PORT;
const answer = await fetch(`http://127.0.0.1:${port}/health/ready`).catch(() => undefined);
process.exit(answer?.ok === true ? 0 : 1);
